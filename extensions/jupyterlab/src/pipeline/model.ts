import { ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';
import {
  IJob,
  IJobRequest,
  ILabEvent,
  ILabNotebook,
  ILabPipeline,
  ILabProject,
  ILabTask,
  IRunDiff,
  ITaskRun
} from '../records';
import { requestAPI, RequestError } from '../request';
import { Latest } from './latest';
import { overlaid } from './overlay';

/** Runs of a task: null until they are read, and why they could not be read the last time. */
export interface IRead {
  runs: ITaskRun[] | null;
  error: RequestError | null;
}

export const NOTHING: IRead = { runs: null, error: null };

/** How many runs stand beside the open notebook. */
const NEWEST = 5;

/** What the page knows of the pipeline that the open notebook belongs to. It asks when something happened, never by the clock. */
export class PipelineModel {
  /** The open notebook, below the server's root; blank when none is open. */
  path = '';
  notebook: ILabNotebook | null = null;
  pipeline: ILabPipeline | null = null;
  /** The newest runs of its task. */
  newest: IRead = NOTHING;
  /** Why nothing could be read. */
  failure: RequestError | null = null;
  /** Why the last act was refused; gone with the next one. */
  refusal: RequestError | null = null;
  /** Counts what was read, so that lists which hang on it read again. */
  revision = 0;

  private readonly _changed = new Signal<this, void>(this);
  private readonly _ended = new Signal<this, IJob>(this);
  private readonly _reading = new Latest(() => this._read());
  private readonly _watching = new Latest(() => this._look());
  private readonly _mine = new Set<string>();
  /** notebooks as they were left */
  private readonly _seen = new Map<string, { notebook: ILabNotebook; newest: IRead }>();
  private _asked = '';
  /** the last asking for runs: an answer to an earlier one is none */
  private _turn = 0;
  private _job: IJob | null = null;
  /** the build as it stood when the reading of what is shown began */
  private _known: IJob | null = null;
  private _drawn: { of: (object | null)[]; tasks: ILabTask[] } = { of: [], tasks: [] };

  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Something that is shown is another now. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A build that this page started has ended. */
  get ended(): ISignal<this, IJob> {
    return this._ended;
  }

  get project(): ILabProject | null {
    return this.notebook?.project ?? this.pipeline?.project ?? null;
  }

  /** The build of this project that runs, or the last one that was seen to end. */
  get job(): IJob | null {
    const { _job: job, project } = this;
    return project === null || job?.project === project.folder ? job : null;
  }

  get running(): boolean {
    return this.job?.state === 'running';
  }

  /** The open notebook's task as it stands now; until the notebook is read, as the pipeline has it. */
  get task(): ILabTask | null {
    const task = this.notebook ? this.notebook.task : this._taskOf(this.path);
    return task ? overlaid([task], this.job, this._known)[0] : null;
  }

  /** Whether nobody can say what the tasks are, before something is mended. */
  get broken(): boolean {
    return this.tasks.length === 0 && (this.project?.problems.length ?? 0) > 0;
  }

  /** The pipeline's tasks as they stand now; the same list until something is another. */
  get tasks(): ILabTask[] {
    const { pipeline, job, _known: known } = this;
    const of = [pipeline, job, known];
    if (of.some((one, at) => one !== this._drawn.of[at])) {
      this._drawn = { of, tasks: overlaid(pipeline?.tasks ?? [], job, known) };
    }
    return this._drawn.tasks;
  }

  get stale(): ILabTask[] {
    return this.tasks.filter(task => task.standing !== 'fresh' && task.standing !== 'running');
  }

  /** Show another notebook from now on; blank when none is open. What is known of it is shown until it is read anew. */
  follow(path: string): Promise<void> {
    if (path !== this.path) {
      this._leave();
      this.path = path;
      this._recall();
      this.refusal = null;
      this._changed.emit();
    }
    return this.refresh();
  }

  /** Read anew; while one reading goes on, only one more is put after it. */
  refresh(): Promise<void> {
    return this._reading.ask();
  }

  /** Start a build on the server. */
  async run(request: Omit<IJobRequest, 'path'>): Promise<IJob | null> {
    const job = await this._act<IJob>('jobs', 'POST', { path: this.path, ...request });
    if (job) {
      this._mine.add(job.id);
      this._show(job);
    }
    return job;
  }

  async cancel(): Promise<void> {
    const job = this.job && (await this._act<IJob>(`jobs/${encodeURIComponent(this.job.id)}`, 'DELETE'));
    if (job) {
      this._show(job);
    }
  }

  /** Put away a build that has ended. */
  dismiss(): void {
    this._job = this.running ? this._job : null;
    this.refusal = null;
    this._changed.emit();
  }

  /** The history of a task of the project that a path is in, newest first. */
  runs(path: string, task: string, limit: number): Promise<ITaskRun[]> {
    return requestAPI(this.settings, 'runs', { query: { path, task, limit } });
  }

  /** What changed from one run to another. */
  diff(path: string, before: string, after: string, task: string): Promise<IRunDiff> {
    return requestAPI(this.settings, 'diff', { query: { path, before, after, task } });
  }

  /** Take in what the server tells. */
  take(event: ILabEvent): void {
    if (this.project?.found && event.project !== this.project.folder) {
      return;
    }
    if (event.kind === 'job' && event.job) {
      this._asked = event.job;
      void this._watching.ask();
    } else if (event.kind === 'run' || event.kind === 'files') {
      void this.refresh();
    }
  }

  /** Read the notebook, its newest runs and its pipeline, all at once; each is shown as soon as it is there. */
  private async _read(): Promise<void> {
    const query = { path: this.path };
    const [known, named] = [this.job, this.task?.name];
    const reading = query.path ? requestAPI<ILabNotebook>(this.settings, 'notebook', { query }) : null;
    void this._readNewest();
    const all = requestAPI<ILabPipeline>(this.settings, 'pipeline', { query });
    all.catch(() => undefined); // told below, unless the notebook could not be read either
    try {
      const notebook = await reading;
      if (query.path !== this.path) {
        return; // another notebook was opened meanwhile
      }
      if (notebook) {
        this._open(notebook);
      }
      if (this.task?.name !== named) {
        void this._readNewest();
      }
      const pipeline = await all;
      if (query.path !== this.path) {
        return;
      }
      Object.assign(this, { pipeline, failure: null });
      this._known = known;
      this._meet(pipeline.job);
    } catch (error) {
      Object.assign(this, { notebook: null, pipeline: null, failure: error as RequestError });
    }
    this.revision += 1;
    this._changed.emit();
  }

  /** Read the newest runs of the open notebook's task; those of the last time stay while they cannot be read anew. */
  private async _readNewest(): Promise<void> {
    const [path, task] = [this.path, this.task?.name];
    const turn = (this._turn += 1);
    if (task === undefined) {
      this.newest = NOTHING;
      return;
    }
    const newest = await this.runs(path, task, NEWEST).then(
      runs => ({ runs, error: null }),
      (error: RequestError) => ({ runs: this.newest.runs, error })
    );
    if (turn === this._turn && path === this.path) {
      this.newest = newest;
      this._changed.emit();
    }
  }

  /** Keep what is known of the open notebook before another is shown. */
  private _leave(): void {
    if (this.notebook) {
      this._seen.set(this.path, { notebook: this.notebook, newest: this.newest });
    } else {
      this._seen.delete(this.path);
    }
  }

  /** Take up what is known of a notebook: its task as the pipeline was read since, the rest as it was left. */
  private _recall(): void {
    const { pipeline, path } = this;
    const seen = this._seen.get(path);
    const here = seen && pipeline && seen.notebook.project.folder === pipeline.project.folder;
    this.notebook = here ? { ...seen.notebook, project: pipeline.project, task: this._taskOf(path) } : null;
    this.newest = here ? seen.newest : NOTHING;
  }

  private _taskOf(path: string): ILabTask | null {
    return (path && this.pipeline?.tasks.find(task => task.source === path)) || null;
  }

  /** Show a notebook before its pipeline is read; that of another project is none of it. */
  private _open(notebook: ILabNotebook): void {
    if (this.pipeline?.project.folder !== notebook.project.folder) {
      this.pipeline = null;
    }
    Object.assign(this, { notebook, failure: null });
    this._changed.emit();
  }

  /** Take in the build that was read to run. Its log is asked for; so is how one ended that runs no more, unheard. */
  private _meet(job: IJob | null): void {
    const begun = job !== null && job.id !== this.job?.id;
    const gone = job === null && this.running;
    if (begun) {
      this._job = job;
    }
    if (this.job?.request && (begun || gone)) {
      this._asked = this.job.id;
      void this._watching.ask();
    } else if (gone) {
      this._job = null; // of elsewhere: nobody knows how it ended
    }
  }

  private async _look(): Promise<void> {
    try {
      const query = { path: this.path };
      this._show(await requestAPI<IJob>(this.settings, `jobs/${encodeURIComponent(this._asked)}`, { query }));
    } catch (error) {
      this.refusal = error as RequestError;
      this._changed.emit();
    }
  }

  private _show(job: IJob): void {
    const ended = job.state !== 'running';
    if (ended && this.job && this.job.id !== job.id && this.running) {
      return; // an older one's end, while another is shown
    }
    this._job = job;
    this._changed.emit();
    if (ended) {
      if (this._mine.delete(job.id)) {
        this._ended.emit(job);
      }
      void this.refresh();
    }
  }

  private async _act<T>(endpoint: string, method: 'POST' | 'DELETE', body?: unknown): Promise<T | null> {
    this.refusal = null;
    try {
      const query = method === 'DELETE' ? { path: this.path } : undefined;
      return await requestAPI<T>(this.settings, endpoint, { method, body, query });
    } catch (error) {
      this.refusal = error as RequestError;
      return null;
    } finally {
      this._changed.emit();
    }
  }
}
