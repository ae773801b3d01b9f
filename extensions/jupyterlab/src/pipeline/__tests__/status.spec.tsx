import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Locale } from '../../locale';
import { PageProvider } from '../../page';
import { ILabProject, ILabTask } from '../../records';
import { RequestError } from '../../request';
import { PipelineModel } from '../model';
import { Status } from '../statusbar';
import { pipeline, project, task } from './tasks';

const page = { trans: nullTranslator.load('roadworthy'), locale: new Locale('en') };

function status(more: Partial<PipelineModel>): string {
  const model = Object.assign(new PipelineModel(ServerConnection.makeSettings()), more);
  return renderToStaticMarkup(
    <PageProvider value={page}>
      <Status model={model} onOpen={() => undefined} />
    </PageProvider>
  );
}

const notebook = (found: ILabTask | null, own: ILabProject = project) => ({
  path: 'a.ipynb',
  notebook: { project: own, task: found, parameters: [], parameters_cell: null },
  pipeline: { ...pipeline([task('train')]), project: own }
});

test('a server that does not answer is said, in every way of not answering', () => {
  for (const failure of [
    new RequestError('Failed to fetch'),
    new RequestError('404 Not Found', '', null, 404),
    new RequestError('503 Service Unavailable', '', null, 503)
  ]) {
    const html = status({ failure });
    expect(html).toContain('Roadworthy does not answer');
    expect(html).toContain('<svg');
    expect(html).toContain(failure.message);
  }
});

test('a file that is at fault is a problem, and so is a server of another version', () => {
  const problem = { file: 'pipeline.yaml', line: 7, message: 'Not YAML.', next: '' };
  const failure = new RequestError('Not YAML.', '', problem, 400);
  expect(status({ failure })).toContain('1 problem<');
  expect(status(notebook(task('train'), { ...project, version: '0.0.1' }))).toContain('1 problem<');
  const both = { ...project, version: '0.0.1', problems: [problem] };
  expect(status(notebook(task('train'), both))).toContain('2 problems');
  expect(status(notebook(null, { ...project, found: false, version: '0.0.1' }))).toContain('1 problem<');
});

test('what the server says itself is a problem, not silence', () => {
  const failure = new RequestError('There is nothing at a.ipynb.', 'Close it.', null, 404);
  const html = status({ failure });
  expect(html).toContain('1 problem<');
  expect(html).toContain('title="There is nothing at a.ipynb.\nClose it."');
  expect(html).not.toContain('does not answer');
});

test('a task says how it stands and why, in its words and those of a pointer that rests', () => {
  const stale = task('train', [], { standing: 'stale', reasons: ['2 cells changed', 'upstream a is newer'] });
  const html = status(notebook(stale));
  expect(html).toContain('title="2 cells changed\nupstream a is newer"');
  expect(html.replace(/<[^>]*>/g, ' ')).toMatch(/train\s+Stale\s+2 cells changed/);
});

test('before a notebook is read, its task stands there as the pipeline has it', () => {
  const html = status({ path: 'notebooks/train.ipynb', pipeline: pipeline([task('train')]) });
  expect(html.replace(/<[^>]*>/g, ' ')).toMatch(/^\s+train\s+Fresh\s+$/);
});

test('a notebook that is no task is called so; outside a project nothing is said', () => {
  expect(status(notebook(null))).toContain('>Not a task<');
  expect(status({ pipeline: pipeline([]) })).toContain('>flights<');
  expect(status(notebook(null, { ...project, found: false }))).toBe('');
  expect(status({})).toBe('');
});
