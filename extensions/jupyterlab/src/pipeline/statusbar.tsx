import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import * as React from 'react';
import { IPage, PageProvider, usePage } from '../page';
import { warningIcon } from './icons';
import { PipelineModel } from './model';
import { differs } from './problems';
import { Badge } from './standing';

/** How the open notebook stands, in the status bar; it opens the panel. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly model: PipelineModel,
    private readonly page: IPage,
    private readonly onOpen: () => void
  ) {
    super();
    this.addClass('rw-status');
  }

  protected override render(): JSX.Element {
    return (
      <PageProvider value={this.page}>
        <UseSignal signal={this.model.changed}>
          {() => <Status model={this.model} onOpen={this.onOpen} />}
        </UseSignal>
      </PageProvider>
    );
  }
}

interface IStatusProps {
  model: PipelineModel;
  onOpen(): void;
}

/** What keeps the pipeline from being read, otherwise how the open notebook stands; nothing outside a project. */
export function Status({ model, onOpen }: IStatusProps): JSX.Element | null {
  const { trans } = usePage();
  const { failure, project, task } = model;
  const problems = failure?.told ? 1 : (project?.problems.length ?? 0) + Number(differs(project));
  const silent = failure !== null && !failure.told;
  if (!silent && problems === 0 && !project?.found) {
    return null;
  }
  const why = failure ? [failure.message, failure.next].filter(Boolean) : (task?.reasons ?? []);
  return (
    <button
      className="rw-status-button"
      title={why.join('\n') || trans.__('Show the Roadworthy panel')}
      onClick={onOpen}
    >
      {silent && <Warning words={trans.__('Roadworthy does not answer')} />}
      {problems > 0 && <Warning words={trans._n('%1 problem', '%1 problems', problems)} />}
      {project?.found && <Standing model={model} plain={problems === 0} />}
    </button>
  );
}

function Warning({ words }: { words: string }): JSX.Element {
  return (
    <span className="rw-state" data-tone="bad">
      <warningIcon.react tag="span" className="rw-icon" aria-hidden="true" />
      {words}
    </span>
  );
}

/** The open notebook's task, and the build that runs; where neither is, what else the notebook is. */
function Standing({ model, plain }: { model: PipelineModel; plain: boolean }): JSX.Element {
  const { trans } = usePage();
  const { task, notebook, project, job, running, broken } = model;
  const settled = (job?.tasks ?? []).filter(
    found => found.state !== 'waiting' && found.state !== 'running'
  ).length;
  return (
    <>
      {task && (
        <>
          <span className="rw-status-name">{task.name}</span>
          <Badge state={task.standing} plain />
        </>
      )}
      {task && !running && task.standing !== 'fresh' && task.reasons.length > 0 && (
        <span className="rw-status-why">{task.reasons[0]}</span>
      )}
      {notebook && !task && !broken && <span>{trans.__('Not a task')}</span>}
      {running && job && (
        <span className="rw-status-why">{trans.__('run: %1 of %2 tasks', settled, job.tasks.length)}</span>
      )}
      {!notebook && !task && plain && !running && <span>{project?.name}</span>}
    </>
  );
}
