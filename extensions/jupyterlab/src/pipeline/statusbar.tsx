import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import * as React from 'react';
import { IPage, PageProvider, usePage } from '../page';
import { warningIcon } from './icons';
import { PipelineModel } from './model';
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

function Status({ model, onOpen }: { model: PipelineModel; onOpen: () => void }): JSX.Element | null {
  const { trans } = usePage();
  const { task, project, job, running } = model;
  const problems = project?.problems.length ?? 0;
  if (!project?.found) {
    return null;
  }
  const settled = (job?.tasks ?? []).filter(
    found => found.state !== 'waiting' && found.state !== 'running'
  ).length;
  return (
    <button
      className="rw-status-button"
      title={task?.reasons.join('\n') || trans.__('Show the Roadworthy panel')}
      onClick={onOpen}
    >
      {problems > 0 && (
        <span className="rw-state" data-tone="bad">
          <warningIcon.react tag="span" className="rw-icon" aria-hidden="true" />
          {trans._n('%1 problem', '%1 problems', problems)}
        </span>
      )}
      {task && (
        <>
          <span className="rw-status-name">{task.name}</span>
          <Badge state={task.standing} plain />
        </>
      )}
      {task && !running && task.standing !== 'fresh' && task.reasons.length > 0 && (
        <span className="rw-status-why">{task.reasons[0]}</span>
      )}
      {running && job && (
        <span className="rw-status-why">{trans.__('run: %1 of %2 tasks', settled, job.tasks.length)}</span>
      )}
      {!task && problems === 0 && !running && <span>{project.name}</span>}
    </button>
  );
}
