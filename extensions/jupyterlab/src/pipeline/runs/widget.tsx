import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { historyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { IPage, PageProvider, usePage } from '../../page';
import { IRunDiff } from '../../records';
import { RequestError } from '../../request';
import { IActions } from '../actions';
import { PipelineModel } from '../model';
import { Failure, Problems } from '../problems';
import { Comparison } from './comparison';
import { useRuns } from './read';
import { RunTable } from './table';

const LIMIT = 50;

/** The history of one task, and what changed between two of its runs, in the main area. */
export class RunsWidget extends ReactWidget {
  constructor(
    private readonly model: PipelineModel,
    private readonly page: IPage,
    private readonly act: IActions,
    /** any path in the project */
    readonly path: string,
    readonly task: string
  ) {
    super();
    this.id = RunsWidget.idOf(path, task);
    this.title.label = page.trans.__('Runs of %1', task);
    this.title.icon = historyIcon;
    this.title.closable = true;
    this.addClass('rw-main');
  }

  static idOf(path: string, task: string): string {
    return `roadworthy-runs:${path}:${task}`;
  }

  protected override render(): JSX.Element {
    return (
      <PageProvider value={this.page}>
        <UseSignal signal={this.model.changed}>
          {() => (
            <Runs
              model={this.model}
              act={this.act}
              path={this.path}
              task={this.task}
              revision={this.model.revision}
            />
          )}
        </UseSignal>
      </PageProvider>
    );
  }
}

interface IRunsProps {
  model: PipelineModel;
  act: IActions;
  path: string;
  task: string;
  /** read again when it is another */
  revision: number;
}

function Runs({ model, act, path, task, revision }: IRunsProps): JSX.Element {
  const { trans } = usePage();
  const { runs, error } = useRuns(model, path, task, LIMIT, revision);
  const [chosen, setChosen] = React.useState<string[]>([]);
  const [diff, setDiff] = React.useState<IRunDiff | null>(null);
  const [refused, setRefused] = React.useState<RequestError | null>(null);
  const { project } = model;
  // another project's notebook may be open meanwhile
  const own = project?.folder === '' || path.startsWith(`${project?.folder}/`);
  const choose = (run: string) => {
    setDiff(null);
    setRefused(null);
    setChosen(before =>
      before.includes(run) ? before.filter(id => id !== run) : [...before, run].slice(-2)
    );
  };
  const compare = () => {
    const [after, before] = (runs ?? []).map(run => run.run.id).filter(id => chosen.includes(id)); // newest first
    setRefused(null);
    model.diff(path, before, after, task).then(setDiff, setRefused);
  };
  return (
    <div className="rw-view">
      <div className="rw-bar">
        <h1 className="rw-title">{trans.__('Runs of %1', task)}</h1>
        <span className="rw-space" />
        <span className="rw-quiet" role="status">
          {chosen.length === 2
            ? trans.__('Two runs are chosen')
            : trans.__('Choose two runs to compare (%1 of 2)', chosen.length)}
        </span>
        <button className="rw-button rw-primary" disabled={chosen.length !== 2} onClick={compare}>
          {trans.__('Compare')}
        </button>
      </div>
      <div className="rw-body">
        {own && <Problems project={project} onOpen={act.openFile} />}
        {error && <Failure error={error} onOpen={act.openFile} />}
        {runs?.length === 0 && <p className="rw-empty">{trans.__('This task has not been run yet.')}</p>}
        {runs && runs.length > 0 && (
          <RunTable runs={runs} chosen={chosen} onChoose={choose} onOpen={act.openFile} />
        )}
        {refused && <Failure error={refused} onOpen={act.openFile} />}
        {diff && <Comparison diff={diff} task={task} />}
      </div>
    </div>
  );
}
