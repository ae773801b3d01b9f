import { ServerConnection } from '@jupyterlab/services';
import { IJob, ILabEvent, ILabParameter, ILabTask, ITaskRun } from '../../records';
import { PipelineModel } from '../model';
import { pipeline, project, task } from './tasks';

const running: IJob = {
  ...{
    id: '1',
    project: '',
    state: 'running',
    request: null,
    who: 'me',
    started: '2026-01-01T00:00:00Z',
    ended: null
  },
  ...{ tasks: [], log: '', run: null, error: null, next: '', failed_task: null, failed_source: null },
  ...{ failed_cell: null, executed: null }
};
const happened: ILabEvent = {
  ...{
    kind: 'job',
    project: '',
    at: '',
    title: '',
    message: '',
    severity: 'info',
    job: '1',
    state: 'running'
  },
  ...{ run: null, alert: null, report: null, version_from: null, version_to: null }
};

/** A server that answers from a table, and notes what it was asked. */
class Server {
  asked: string[] = [];
  job = running;
  project = project;
  standing: ILabTask['standing'] = 'stale';
  building: IJob | null = null;
  refuses = false;
  runs: Partial<ITaskRun>[] = [];
  parameters: Partial<ILabParameter>[] = [];
  /** what an answer waits for, by endpoint */
  held: { [endpoint: string]: Promise<void> | undefined } = {};
  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/',
    fetch: async (request: RequestInfo | URL) => {
      const [answer, endpoint] = [
        this.answer(request as Request),
        new URL((request as Request).url).pathname
      ];
      await this.held[endpoint.replace('/roadworthy/api/', '')];
      return answer;
    }
  });

  private answer(request: Request): Response {
    const { pathname, searchParams } = new URL(request.url);
    const endpoint = pathname.replace('/roadworthy/api/', '');
    this.asked.push(`${request.method} ${endpoint} ${searchParams.get('path') ?? ''}`.trim());
    if (this.refuses) {
      return new Response(JSON.stringify({ message: 'No.', next: 'Wait.', problem: null }), { status: 409 });
    }
    const reasons = this.standing === 'stale' ? ['1 cell changed'] : [];
    const found = task('train', [], { standing: this.standing, reasons });
    const { parameters, runs } = this;
    const notebook = { project: this.project, task: found, parameters, parameters_cell: 1 };
    const all = { ...pipeline([found, task('features')]), project: this.project, job: this.building };
    const answer = { notebook, pipeline: all, runs }[endpoint] ?? this.job;
    return new Response(JSON.stringify(answer));
  }
}

const settled = () => new Promise(done => setTimeout(done, 20));

test('it follows a notebook, and says what of the pipeline is stale', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('notebooks/train.ipynb');
  expect(server.asked).toEqual([
    'GET notebook notebooks/train.ipynb',
    'GET pipeline notebooks/train.ipynb',
    'GET runs notebooks/train.ipynb'
  ]);
  expect(model.task?.name).toBe('train');
  expect(model.stale.map(found => found.name)).toEqual(['train']);
});

test('notebook, runs and pipeline are asked for at once, and none of them waits for another', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('notebooks/train.ipynb');
  for (const slow of ['notebook', 'runs', 'pipeline']) {
    let go = () => {};
    server.held = { [slow]: new Promise<void>(done => (go = done)) };
    Object.assign(server, {
      asked: [],
      runs: [{ task: slow }],
      standing: 'failed',
      parameters: [{ name: slow }]
    });
    const read = model.refresh();
    expect(server.asked.map(asked => asked.split(' ')[1])).toEqual(['notebook', 'runs', 'pipeline']);
    await settled();
    expect(model.newest.runs?.[0]?.task === slow).toBe(slow !== 'runs');
    expect(model.notebook?.parameters[0]?.name === slow).toBe(slow !== 'notebook');
    go();
    await read;
    await settled();
    expect([model.newest.runs, model.notebook?.parameters]).toEqual([[{ task: slow }], [{ name: slow }]]);
  }
});

test('a notebook that was open before is shown as it was left, its task as the pipeline was read since', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  Object.assign(server, { runs: [{ task: 'train' }], parameters: [{ name: 'rows' }] });
  await model.follow('notebooks/train.ipynb');
  await settled();
  server.standing = 'failed';
  await model.follow('notebooks/features.ipynb');
  const read = model.follow('notebooks/train.ipynb');
  expect([model.task?.name, model.task?.standing]).toEqual(['train', 'failed']);
  expect([model.newest.runs, model.notebook?.parameters]).toEqual([[{ task: 'train' }], [{ name: 'rows' }]]);
  Object.assign(server, { runs: [], parameters: [] });
  await read;
  await model.refresh();
  await settled();
  expect([model.newest.runs, model.notebook?.parameters]).toEqual([[], []]);
});

test('of a notebook that was not open yet, the task is shown as the pipeline has it', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('notebooks/train.ipynb');
  await settled();
  const read = model.follow('notebooks/features.ipynb');
  expect([model.task?.name, model.notebook, model.newest.runs]).toEqual(['features', null, null]);
  await read;
  void model.follow('');
  expect([model.task, model.newest.runs]).toEqual([null, null]);
  await settled();
});

test('runs that come after another notebook was opened are not shown', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('notebooks/train.ipynb');
  await settled();
  let go = () => {};
  server.held = { runs: new Promise<void>(done => (go = done)) };
  server.runs = [{ task: 'train' }];
  await model.refresh();
  server.held = {};
  server.runs = [{ task: 'features' }];
  await model.follow('notebooks/features.ipynb');
  go();
  await settled();
  expect(model.newest.runs).toEqual([{ task: 'features' }]);
});

test('a notebook is shown before its pipeline is read, and never with that of another project', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  const shown: unknown[] = [];
  model.changed.connect(() => shown.push([model.notebook?.project.folder, model.pipeline?.project.folder]));
  await model.follow('b.ipynb');
  server.project = { ...project, folder: 'other' };
  await model.follow('other/c.ipynb');
  const opened = [undefined, project.folder];
  const other = [
    ['other', undefined],
    ['other', 'other']
  ];
  expect(shown).toEqual([
    opened,
    [project.folder, project.folder],
    [project.folder, project.folder],
    opened,
    ...other
  ]);
});

test('where no notebook is open, the pipeline of the root is shown', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('');
  expect(server.asked).toEqual(['GET pipeline']);
  expect([model.task, model.project?.name]).toEqual([null, 'flights']);
});

test('an answer about a notebook that is no longer open is not shown', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await Promise.all([model.follow('a.ipynb'), model.follow('b.ipynb'), model.follow('c.ipynb')]);
  await settled();
  expect(server.asked.filter(asked => asked.startsWith('GET notebook'))).toEqual([
    'GET notebook a.ipynb',
    'GET notebook c.ipynb'
  ]);
});

test('a hundred events cost two readings, and an event of another project none', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  server.asked = [];
  for (let at = 0; at < 100; at += 1) {
    model.take({ ...happened, kind: 'files', job: null });
    model.take({ ...happened, kind: 'files', job: null, project: 'other' });
  }
  await settled();
  expect(server.asked.filter(asked => asked.startsWith('GET pipeline'))).toHaveLength(2);
});

test('a build is told of by events: each costs one look, its end a reading; who started it hears of the end', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  const ends: string[] = [];
  model.ended.connect((_, job) => ends.push(job.state));
  await model.follow('a.ipynb');
  await model.run({ only: ['train'] });
  expect(model.running).toBe(true);
  server.asked = [];
  model.take(happened);
  await settled();
  expect(server.asked).toEqual(['GET jobs/1 a.ipynb']);
  server.job = { ...running, state: 'failed', failed_source: 'a.ipynb', failed_cell: 3 };
  model.take({ ...happened, state: 'failed' });
  await settled();
  expect(model.job?.failed_cell).toBe(3);
  expect(server.asked).toContain('GET pipeline a.ipynb');
  model.take({ ...happened, state: 'failed' });
  await settled();
  expect(ends).toEqual(['failed']);
});

const told = (state: IJob['tasks'][number]['state'], more: Partial<IJob> = {}): IJob => ({
  ...running,
  request: { path: 'a.ipynb' },
  tasks: [{ name: 'train', state, seconds: null, words: '' }],
  ...more
});

test('what a build tells of a task counts at once, until what was read is newer', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  const seen = () => [model.task?.standing, model.tasks[0].standing, model.stale.length];
  await model.follow('a.ipynb');
  expect(seen()).toEqual(['stale', 'stale', 1]);
  await model.run({});
  server.job = told('running');
  model.take(happened);
  await settled();
  expect([seen(), model.task?.reasons]).toEqual([['running', 'running', 0], []]);
  expect(model.tasks).toBe(model.tasks); // a picture is not drawn again for nothing
  server.job = told('done');
  model.take(happened);
  await settled();
  expect(seen()).toEqual(['fresh', 'fresh', 0]);
  // it was changed again while the build goes on with others
  await model.refresh();
  model.take(happened);
  await settled();
  expect([seen(), model.task?.reasons]).toEqual([['stale', 'stale', 1], ['1 cell changed']]);
});

test('at its end a build’s word counts until the tasks are read, and a run aside says nothing of them', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  const shown: unknown[] = [];
  await model.run({});
  model.changed.connect(() => shown.push(model.task?.standing));
  server.standing = 'fresh';
  server.job = told('done', { state: 'done' });
  model.take({ ...happened, state: 'done' });
  await settled();
  expect(new Set(shown)).toEqual(new Set(['fresh']));
  server.job = told('running', { id: '2', request: { path: 'a.ipynb', alone: true } });
  model.take({ ...happened, job: '2' });
  await settled();
  expect([model.job?.id, model.task?.standing]).toEqual(['2', 'fresh']);
});

test('a build whose end was not heard is looked at once the server says that nothing runs', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  server.job = server.building = told('running');
  await model.run({});
  server.building = null;
  server.job = told('done', { state: 'done' });
  await model.refresh();
  await settled();
  expect([model.running, model.job?.state]).toEqual([false, 'done']);
});

test('a build that goes on when the page is opened is shown with its log, and one of elsewhere goes with its end', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  server.building = told('running');
  server.job = told('running', { log: 'train started' });
  await model.follow('a.ipynb');
  await settled();
  expect([model.running, model.job?.log]).toEqual([true, 'train started']);
  server.asked = [];
  server.building = { ...running, id: 'process-7' };
  await model.refresh();
  server.building = null;
  await model.refresh();
  expect([model.job, server.asked.filter(asked => asked.includes('jobs'))]).toEqual([null, []]);
});

test('a build of another project is not shown beside this one', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  await model.run({});
  server.project = { ...project, folder: 'other' };
  await model.follow('other/b.ipynb');
  expect([model.job, model.running]).toEqual([null, false]);
  server.project = project;
  server.building = running;
  await model.follow('a.ipynb');
  expect(model.running).toBe(true);
});

test('the end of a build that somebody else started opens nothing', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  const ends: string[] = [];
  model.ended.connect((_, job) => ends.push(job.state));
  await model.follow('a.ipynb');
  server.job = { ...running, state: 'done' };
  model.take({ ...happened, state: 'done' });
  await settled();
  expect([model.job?.state, ends]).toEqual(['done', []]);
});

test('what was refused is said until the next act', async () => {
  const server = new Server();
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  server.refuses = true;
  await model.run({});
  expect([model.refusal?.message, model.refusal?.next]).toEqual(['No.', 'Wait.']);
  server.refuses = false;
  await model.run({});
  expect(model.refusal).toBeNull();
});

test('a server that does not answer is a failure that is shown', async () => {
  const server = new Server();
  server.refuses = true;
  const model = new PipelineModel(server.settings);
  await model.follow('a.ipynb');
  expect([model.failure?.message, model.notebook]).toEqual(['No.', null]);
});
