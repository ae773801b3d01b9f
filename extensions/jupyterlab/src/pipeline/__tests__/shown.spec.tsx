import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Locale } from '../../locale';
import { PageProvider } from '../../page';
import { IJob, ILabParameter, ITaskRun } from '../../records';
import { RequestError } from '../../request';
import { JobSection } from '../job';
import { ParametersForm } from '../parameters/form';
import { layout } from '../picture/layout';
import { Graph } from '../picture/graph';
import { TaskTable } from '../picture/table';
import { Failure, Problems } from '../problems';
import { RunTable } from '../runs/table';
import { TaskSection } from '../task';
import { project, task } from './tasks';

const EVIL = '<img src=x onerror=alert(1)>';
const page = { trans: nullTranslator.load('roadworthy'), locale: new Locale('en') };
const nothing = () => undefined;
const act = { runTask: nothing, runTaskWithNeeds: nothing, runStale: nothing };

function shown(element: JSX.Element): string {
  return renderToStaticMarkup(<PageProvider value={page}>{element}</PageProvider>);
}

test('a state is shown as a word and a sign, with its reasons', () => {
  const stale = task('train', ['features'], { standing: 'stale', reasons: ['2 cells changed'] });
  const html = shown(<TaskSection task={stale} busy={false} stale={3} told={false} act={act} />);
  expect(html).toContain('>Stale<');
  expect(html).toContain('2 cells changed');
  expect(html).toContain('All that is stale (3)');
});

test('a problem names file and line, and another version is named', () => {
  const broken = { file: 'pipeline.yaml', line: 7, message: 'Not YAML.', next: 'Mend that line.' };
  const html = shown(
    <Problems project={{ ...project, version: '9.9', problems: [broken] }} onOpen={nothing} />
  );
  for (const words of [
    'pipeline.yaml, line 7',
    'Open at line 7',
    'Not YAML.',
    'Mend that line.',
    'the server of version 9.9'
  ]) {
    expect(html).toContain(words);
  }
});

test('a server’s side that is not there is named with what to do', () => {
  expect(shown(<Failure error={new RequestError('404 Not Found', '', null, 404)} />)).toContain(
    'Install the package'
  );
  expect(shown(<Failure error={new RequestError('Failed to fetch')} />)).toContain('cannot be reached');
});

test('a notebook that is no longer there is no server that does not answer', () => {
  const html = shown(
    <Failure error={new RequestError('There is nothing at a.ipynb.', 'Close it.', null, 404)} />
  );
  expect(html).toContain('There is nothing at a.ipynb.');
  expect(html).toContain('Close it.');
  expect(html).not.toContain('does not answer');
});

test('a refusal for a file names its line and opens it', () => {
  const problem = { file: 'env.yaml', line: 2, message: 'Not YAML.', next: 'Mend it.' };
  const html = shown(<Failure error={new RequestError('Not YAML.', '', problem, 400)} onOpen={nothing} />);
  expect(html).toContain('env.yaml, line 2');
  expect(html).toContain('Open at line 2');
});

test('a parameter that is set elsewhere shows what stands in its cell, another does not', () => {
  const said = { name: 'rows', type: 'integer', annotation: 'int', optional: false, choices: [] } as const;
  const form = (more: Partial<ILabParameter>) => {
    const own = {
      ...said,
      choices: [],
      default: 1,
      written: '1',
      value: 1,
      key: null,
      secret: false,
      help: ''
    };
    return shown(<ParametersForm parameters={[{ ...own, ...more }]} busy={false} onRun={nothing} />);
  };
  expect(form({ value: 3, key: 'rows' })).toMatch(
    /aria-describedby="([^"]+)".*id="\1">Default in the cell: 1</
  );
  expect(form({ value: 3, default: null, written: 'guess()' })).toContain('Default in the cell: guess()');
  for (const same of [{}, { value: '1' }, { value: 3, written: '' }, { value: 3, secret: true }]) {
    expect(form(same)).not.toContain('Default in the cell');
  }
});

test('what data says is text, never a part of the page', () => {
  const evil = task(EVIL, [EVIL], {
    ...{ standing: 'failed', reasons: [EVIL], products: [{ path: EVIL, state: 'edited' }], error: EVIL }
  });
  const job: IJob = {
    ...{ id: EVIL, project: '', state: 'failed', request: null, who: EVIL, started: '2026-01-01T00:00:00Z' },
    ...{ ended: '2026-01-01T00:00:09Z', tasks: [{ name: EVIL, state: 'failed', seconds: 1, words: EVIL }] },
    ...{
      log: EVIL,
      run: null,
      error: EVIL,
      next: EVIL,
      failed_task: EVIL,
      failed_source: EVIL,
      failed_cell: 1
    },
    executed: null
  };
  const run = { id: EVIL } as ITaskRun['run'];
  const runs: ITaskRun[] = [
    {
      ...{ run, task: EVIL, state: 'failed', started: '2026-01-01T00:00:00Z', seconds: 1 },
      ...{ parameters: { [EVIL]: EVIL }, reads: { [EVIL]: 1 }, metrics: { [EVIL]: 1 }, who: EVIL },
      ...{ notebook: EVIL, kept: false, error: EVIL }
    }
  ];
  const html = shown(
    <>
      <TaskSection task={evil} busy={false} stale={1} told={false} act={act} />
      <TaskTable tasks={[evil]} onOpen={nothing} />
      <Graph layout={layout([evil], true)} withProducts zoom={1} current={EVIL} onOpen={nothing} />
      <JobSection job={job} onCancel={nothing} onDismiss={nothing} onCell={nothing} onOpen={nothing} />
      <RunTable runs={runs} chosen={[]} onChoose={nothing} onOpen={nothing} />
    </>
  );
  expect(html).not.toContain('<img');
  expect(html).toContain('&lt;img');
});
