import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { Locale } from '../../locale';
import { IPage, PageProvider } from '../../page';
import { ILabProject, IProblem } from '../../records';
import { IActions } from '../actions';
import { PipelineModel } from '../model';
import { NewestRuns } from '../runs/newest';
import { RunsWidget } from '../runs/widget';
import { pipeline, project, task } from './tasks';

const page: IPage = { trans: nullTranslator.load('roadworthy'), locale: new Locale('en') };
const NEVER = 'This task has not been run yet.';
const broken: IProblem = { file: 'monitoring/policy.yaml', line: 3, message: 'Not YAML.', next: 'Mend it.' };

/** A server whose history can be locked; what was opened of what it told. */
class History {
  refusal: { status: number; problem: IProblem | null } | null = null;
  project: ILabProject = project;
  opened: unknown[] = [];
  readonly act = { openFile: (...place: unknown[]) => void this.opened.push(place) } as unknown as IActions;
  readonly model = new PipelineModel(
    ServerConnection.makeSettings({
      baseUrl: 'http://localhost/',
      fetch: async (request: RequestInfo | URL) => this.answer(new URL((request as Request).url).pathname)
    })
  );

  private answer(path: string): Response {
    const found = task('train');
    if (path.endsWith('/notebook')) {
      const answer = { project: this.project, task: found, parameters: [], parameters_cell: 1 };
      return new Response(JSON.stringify(answer));
    }
    if (path.endsWith('/pipeline')) {
      return new Response(JSON.stringify({ ...pipeline([found]), project: this.project }));
    }
    return this.refusal
      ? new Response(
          JSON.stringify({
            message: 'The database is locked.',
            next: 'Wait.',
            problem: this.refusal.problem
          }),
          { status: this.refusal.status }
        )
      : new Response('[]');
  }
}

const settled = async () => {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise(done => setTimeout(done, 20));
    MessageLoop.flush();
  }
};

async function newest(history: History): Promise<HTMLElement> {
  const host = document.createElement('div');
  document.body.append(host);
  const root = createRoot(host);
  const draw = () =>
    root.render(
      <PageProvider value={page}>
        <NewestRuns model={history.model} act={history.act} />
      </PageProvider>
    );
  history.model.changed.connect(draw);
  await history.model.follow('notebooks/train.ipynb');
  await settled();
  return host;
}

async function all(history: History): Promise<HTMLElement> {
  await history.model.follow('notebooks/train.ipynb');
  const widget = new RunsWidget(history.model, page, history.act, 'notebooks/train.ipynb', 'train');
  Widget.attach(widget, document.body);
  await settled();
  return widget.node;
}

describe.each([
  ['in the panel', newest],
  ['in the main area', all]
])('the runs %s', (_, shown) => {
  it('say why they cannot be read, never that there is none, and no longer once they are', async () => {
    const history = new History();
    history.refusal = { status: 503, problem: null };
    const host = await shown(history);
    expect(host.textContent).toContain('The database is locked.');
    expect(host.textContent).not.toContain(NEVER);
    history.refusal = null;
    await history.model.refresh();
    await settled();
    expect(host.textContent).toContain(NEVER);
    expect(host.textContent).not.toContain('locked');
  });

  it('open the file that is at fault, at its line', async () => {
    const history = new History();
    history.refusal = { status: 400, problem: broken };
    const host = await shown(history);
    expect(host.textContent).toContain('monitoring/policy.yaml, line 3');
    const button = [...host.querySelectorAll('button')].find(one => one.textContent === 'Open at line 3');
    button?.click();
    expect(history.opened).toEqual([['monitoring/policy.yaml', 3]]);
  });
});

test('beside the history stands what is broken in its project, not in another', async () => {
  const history = new History();
  history.project = { ...project, problems: [broken] };
  const host = await all(history);
  expect(host.textContent).toContain('Not YAML.');
  history.project = { ...history.project, folder: 'other' };
  await history.model.refresh();
  await settled();
  expect(host.textContent).not.toContain('Not YAML.');
});
