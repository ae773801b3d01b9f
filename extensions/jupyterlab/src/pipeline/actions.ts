import { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, Notification } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IPage } from '../page';
import { IJob, IJobRequest } from '../records';
import { PipelineModel } from './model';
import { openCell, openFile, saveAll } from './opening';
import { addParametersCell } from './parameters/cell';
import { PipelineWidget } from './picture/widget';
import { RunsWidget } from './runs/widget';

const TOAST = 8_000;

/** What a person can do about the pipeline, from wherever it is asked for. */
export interface IActions {
  runTask(): void;
  runTaskWithNeeds(): void;
  runStale(): void;
  runAside(parameters: { [name: string]: unknown }): void;
  cancel(): void;
  openFile(path: string, line?: number | null): void;
  openCell(path: string, cell: number | null): void;
  addParametersCell(): void;
  showPipeline(): void;
  showRuns(): void;
}

export class Actions implements IActions {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly documents: IDocumentManager,
    private readonly notebooks: INotebookTracker,
    private readonly model: PipelineModel,
    private readonly page: IPage
  ) {
    model.ended.connect((_, job) => this._tell(job));
  }

  /** Run the open notebook's task, fresh or not, on what its upstream last made. */
  runTask = (): void => void this._run(name => ({ only: [name], needs: false, force: true }));

  /** Bring the open notebook's task up to date, and before it all that it needs. */
  runTaskWithNeeds = (): void => void this._run(name => ({ only: [name] }));

  /** Bring the whole pipeline up to date. */
  runStale = (): void => void this._start({});

  /** Run the open notebook's task with other values, aside. */
  runAside = (parameters: { [name: string]: unknown }): void =>
    void this._run(name => ({ only: [name], alone: true, parameters }));

  cancel = (): void => void this.model.cancel();

  openFile = (path: string, line: number | null = null): void =>
    this._open(openFile(this.documents, path, line));

  openCell = (path: string, cell: number | null): void => this._open(openCell(this.documents, path, cell));

  addParametersCell = (): void => {
    const panel = this.open;
    if (panel) {
      this._open(addParametersCell(panel));
    }
  };

  showPipeline = (): void => {
    if (!this._reveal(PipelineWidget.id)) {
      this._add(new PipelineWidget(this.model, this.page, this), PipelineWidget.id);
    }
  };

  showRuns = (): void => {
    const task = this.model.task?.name;
    const { path } = this.model;
    if (task && !this._reveal(RunsWidget.idOf(path, task))) {
      this._add(new RunsWidget(this.model, this.page, this, path, task), RunsWidget.idOf(path, task));
    }
  };

  /** The open notebook that the page follows. */
  get open(): NotebookPanel | null {
    return this.notebooks.currentWidget;
  }

  private _reveal(id: string): boolean {
    const shown = [...this.app.shell.widgets('main')].some(widget => widget.id === id);
    if (shown) {
      this.app.shell.activateById(id);
    }
    return shown;
  }

  private _add(content: PipelineWidget | RunsWidget, id: string): void {
    content.id = `${id}-content`;
    const widget = new MainAreaWidget({ content });
    widget.id = id;
    this.app.shell.add(widget, 'main');
    this.app.shell.activateById(id);
  }

  private async _run(request: (task: string) => Omit<IJobRequest, 'path'>): Promise<void> {
    const task = this.model.task?.name;
    if (task) {
      await this._start(request(task));
    }
  }

  private async _start(request: Omit<IJobRequest, 'path'>): Promise<void> {
    const { trans } = this.page;
    try {
      await saveAll(this.app, this.documents, this.model.project?.folder ?? '');
    } catch (error) {
      Notification.error(trans.__('It was not run, as a document could not be saved: %1', words(error)));
      return;
    }
    await this.model.run(request);
    if (this.model.refusal) {
      Notification.error(`${this.model.refusal.message} ${this.model.refusal.next}`, { autoClose: TOAST });
    }
  }

  private _tell(job: IJob): void {
    const { trans } = this.page;
    // the end of a recorded run is told as such, see notifications.ts
    if (job.run === null && job.state === 'done') {
      Notification.success(trans.__('The run is done.'), { autoClose: TOAST });
    } else if (job.run === null && job.state === 'failed') {
      Notification.error(job.error ?? trans.__('The run failed.'), { autoClose: TOAST });
    }
    if (job.state === 'failed' && job.failed_source) {
      this.openCell(job.failed_source, job.failed_cell);
    }
  }

  private _open(opening: Promise<void>): void {
    opening.catch(error => {
      Notification.error(this.page.trans.__('It could not be opened: %1', words(error)), {
        autoClose: TOAST
      });
    });
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
