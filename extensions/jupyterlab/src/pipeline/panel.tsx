import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import * as React from 'react';
import { IPage, PageProvider, usePage } from '../page';
import { IActions } from './actions';
import { roadIcon } from './icons';
import { JobSection } from './job';
import { PipelineModel } from './model';
import { cellsOf } from './parameters/cell';
import { ParametersForm } from './parameters/form';
import { hasParameters } from './parameters/tagged';
import { Failure, Problems } from './problems';
import { NewestRuns } from './runs/newest';
import { Badge } from './standing';
import { RunButtons, TaskSection } from './task';

/** The side panel: it follows the open notebook. */
export class TaskPanel extends ReactWidget {
  static readonly id = 'roadworthy-task';

  constructor(
    private readonly model: PipelineModel,
    private readonly page: IPage,
    private readonly act: IActions,
    private readonly notebooks: INotebookTracker
  ) {
    super();
    this.id = TaskPanel.id;
    this.title.icon = roadIcon;
    this.title.caption = page.trans.__('Roadworthy: the open notebook as a task');
    this.addClass('rw-panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', page.trans.__('Roadworthy: the open notebook as a task'));
  }

  protected override render(): JSX.Element {
    return (
      <PageProvider value={this.page}>
        <UseSignal signal={this.model.changed}>
          {() => <Panel model={this.model} act={this.act} notebooks={this.notebooks} />}
        </UseSignal>
      </PageProvider>
    );
  }
}

interface IPanelProps {
  model: PipelineModel;
  act: IActions;
  notebooks: INotebookTracker;
}

function Panel({ model, act, notebooks }: IPanelProps): JSX.Element {
  const { trans } = usePage();
  const { notebook, project, job, failure, refusal, task } = model;
  return (
    <>
      <div className="rw-block rw-project">
        <p>{project?.name || trans.__('Roadworthy')}</p>
      </div>
      {failure && <Failure error={failure} onOpen={act.openFile} />}
      {refusal && <Failure error={refusal} onOpen={act.openFile} />}
      <Problems project={project} onOpen={act.openFile} />
      {project && !project.found && <NoProject />}
      {task && (
        <TaskSection
          task={task}
          busy={model.running}
          stale={model.stale.length}
          told={job?.failed_task === task.name}
          act={act}
        />
      )}
      {project?.found && !task && (notebook || !model.path) && <NoTask model={model} act={act} />}
      {job && (
        <JobSection
          job={job}
          onCancel={act.cancel}
          onDismiss={() => model.dismiss()}
          onCell={act.openCell}
          onOpen={act.openFile}
        />
      )}
      {notebook && project?.found && (task || project.problems.length === 0) && (
        <Parameters model={model} act={act} notebooks={notebooks} />
      )}
      {task && <NewestRuns model={model} act={act} />}
      {project?.found && <Tasks model={model} act={act} />}
    </>
  );
}

function NoProject(): JSX.Element {
  const { trans } = usePage();
  return (
    <section className="rw-block rw-empty">
      <h2 className="rw-title">{trans.__('No project here')}</h2>
      <p>{trans.__('The folder of this notebook is in no project of Roadworthy.')}</p>
      <p>{trans.__('In a terminal, “roadworthy init NAME” makes one.')}</p>
    </section>
  );
}

function NoTask({ model, act }: { model: PipelineModel; act: IActions }): JSX.Element {
  const { trans } = usePage();
  const { tasks, broken } = model;
  const title = model.path ? trans.__('Not a task') : trans.__('No notebook is open');
  const words = model.path
    ? trans.__('No task of pipeline.yaml has this notebook as its source.')
    : trans.__('Open a notebook of the pipeline to see how it stands.');
  return (
    <section className="rw-block" aria-label={trans.__('The open notebook’s task')}>
      <h2 className="rw-title">{broken ? trans.__('Not known') : title}</h2>
      <p className="rw-quiet">
        {broken ? trans.__('How the notebook stands can be told once what is broken is mended.') : words}
      </p>
      {tasks.length > 0 && <RunButtons busy={model.running} stale={model.stale.length} act={act} />}
    </section>
  );
}

function Parameters({ model, act, notebooks }: IPanelProps): JSX.Element | null {
  const { trans } = usePage();
  const [, again] = React.useReducer((count: number) => count + 1, 0);
  const { notebook, task } = model;
  const panel = notebooks.currentWidget;
  // what stands on the screen decides, saved or not
  const open = panel?.context.isReady ? panel : null;
  const missing = open !== null && !hasParameters(cellsOf(open));
  const added = open !== null && !missing && notebook?.parameters_cell === null && open.context.model.dirty;
  if (!missing && !added && !task) {
    return null;
  }
  return (
    <details className="rw-block rw-details" open>
      <summary>
        <h2 className="rw-title">{trans.__('Parameters')}</h2>
      </summary>
      {missing && (
        <>
          <p className="rw-quiet">
            {trans.__('This notebook has no cell tagged “parameters”, so a run cannot be given anything.')}
          </p>
          <div className="rw-actions">
            <button
              className="rw-button"
              onClick={() => {
                act.addParametersCell();
                again();
              }}
            >
              {trans.__('Add a parameters cell')}
            </button>
          </div>
        </>
      )}
      {added && (
        <p className="rw-quiet">{trans.__('A parameters cell was added; save the notebook to use it.')}</p>
      )}
      {notebook && !missing && !added && notebook.parameters.length === 0 && (
        <p className="rw-quiet">
          {trans.__('The parameters cell declares nothing that a run could be given.')}
        </p>
      )}
      {notebook && !missing && notebook.parameters.length > 0 && (
        <ParametersForm
          key={model.path}
          parameters={notebook.parameters}
          busy={model.running}
          onRun={act.runAside}
        />
      )}
    </details>
  );
}

function Tasks({ model, act }: { model: PipelineModel; act: IActions }): JSX.Element {
  const { trans } = usePage();
  const { tasks } = model;
  const current = model.task?.name;
  // many rows, drawn again only when one of them is another
  const rows = React.useMemo(
    () =>
      tasks.map(task => (
        <li key={task.name} className="rw-row" title={task.reasons.join('\n')}>
          <button
            className="rw-link rw-row-name"
            aria-current={task.name === current ? 'true' : undefined}
            disabled={task.source === ''}
            onClick={() => act.openFile(task.source)}
          >
            {task.name}
          </button>
          <Badge state={task.standing} plain />
        </li>
      )),
    [tasks, current, act]
  );
  return (
    <details className="rw-block rw-details" open>
      <summary>
        <h2 className="rw-title">{trans.__('Pipeline')}</h2>
      </summary>
      <ul className="rw-rows" aria-label={trans.__('Tasks of the pipeline')}>
        {rows}
      </ul>
      <div className="rw-actions">
        <button className="rw-button" onClick={act.showPipeline}>
          {trans.__('Show as a picture')}
        </button>
      </div>
    </details>
  );
}
