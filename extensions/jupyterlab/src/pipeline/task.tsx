import * as React from 'react';
import { usePage } from '../page';
import { ILabTask } from '../records';
import { ErrorText } from './problems';
import { Badge } from './standing';

export interface IRunning {
  runTask(): void;
  runTaskWithNeeds(): void;
  runStale(): void;
}

interface ITaskProps {
  task: ILabTask;
  busy: boolean;
  /** how many tasks of the pipeline are not fresh */
  stale: number;
  /** its failure is told beside it already */
  told: boolean;
  act: IRunning;
}

/** How the open notebook stands as a task, why, and the ways to run it. */
export function TaskSection({ task, busy, stale, told, act }: ITaskProps): JSX.Element {
  const { trans, locale } = usePage();
  return (
    <section className="rw-block" aria-label={trans.__('The open notebook’s task')}>
      <div className="rw-head">
        <h2 className="rw-title" title={task.source}>
          {task.name}
        </h2>
        <span role="status">
          <Badge state={task.standing} />
        </span>
      </div>
      {task.reasons.length > 0 && (
        <ul className="rw-reasons">
          {task.reasons.map(reason => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {task.error && !told && <ErrorText text={task.error} />}
      {task.last_ended && (
        <p className="rw-quiet" title={locale.moment(task.last_ended)}>
          {task.seconds === null
            ? trans.__('Last run %1', locale.ago(task.last_ended))
            : trans.__('Last run %1, took %2', locale.ago(task.last_ended), locale.duration(task.seconds))}
        </p>
      )}
      <RunButtons busy={busy} stale={stale} act={act} task={task} />
    </section>
  );
}

/** The ways to run: the task, the task with what it needs, all that is stale. */
export function RunButtons(props: {
  busy: boolean;
  stale: number;
  act: IRunning;
  task?: ILabTask;
}): JSX.Element {
  const { trans } = usePage();
  const { busy, stale, act, task } = props;
  return (
    <div className="rw-runs" role="group" aria-label={trans.__('Run')}>
      {task && (
        <button className="rw-button rw-primary" disabled={busy} onClick={act.runTask}>
          {trans.__('Run this task')}
        </button>
      )}
      {task && task.upstream.length > 0 && (
        <button className="rw-button" disabled={busy} onClick={act.runTaskWithNeeds}>
          {trans.__('With what it needs')}
        </button>
      )}
      <button className="rw-button" disabled={busy || stale === 0} onClick={act.runStale}>
        {stale === 0 ? trans.__('Nothing is stale') : trans.__('All that is stale (%1)', stale)}
      </button>
    </div>
  );
}
