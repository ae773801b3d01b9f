import * as React from 'react';
import { usePage } from '../page';
import { IJob } from '../records';
import { ErrorText } from './problems';
import { Badge, stateWords } from './standing';

interface IJobProps {
  job: IJob;
  onCancel(): void;
  onDismiss(): void;
  onCell(path: string, cell: number | null): void;
  onOpen(path: string): void;
}

const SETTLED = ['done', 'failed', 'fresh', 'held back'];

/** A build as it goes on: how far each task is, what it said, and what came of it. */
export function JobSection({ job, onCancel, onDismiss, onCell, onOpen }: IJobProps): JSX.Element {
  const { trans } = usePage();
  const running = job.state === 'running';
  const settled = job.tasks.filter(task => SETTLED.includes(task.state)).length;
  const source = job.failed_source;
  return (
    <section className="rw-block rw-job" data-state={job.state} aria-label={trans.__('Run in progress')}>
      <div className="rw-head">
        <h2 className="rw-title">{running ? trans.__('Running') : trans.__('Last run')}</h2>
        <span role="status">
          <Badge state={job.state} />
        </span>
      </div>
      {running && (
        <progress
          className="rw-progress"
          aria-label={trans.__('%1 of %2 tasks are settled', settled, job.tasks.length)}
          max={Math.max(job.tasks.length, 1)}
          value={settled}
        />
      )}
      <JobFacts job={job} />
      <JobTasks job={job} />
      {job.error && <ErrorText text={job.error} label={trans.__('What went wrong in this run')} />}
      {job.next && job.state === 'failed' && <p>{job.next}</p>}
      <Log text={job.log} open={running || (job.state === 'failed' && !job.error)} />
      <div className="rw-actions">
        {running && (
          <button className="rw-button" onClick={onCancel}>
            {trans.__('Cancel')}
          </button>
        )}
        {source && (
          <button className="rw-button rw-primary" onClick={() => onCell(source, job.failed_cell)}>
            {job.failed_cell === null
              ? trans.__('Open the failed notebook')
              : trans.__('Show the failing cell')}
          </button>
        )}
        {job.executed && (
          <button className="rw-button rw-primary" onClick={() => onOpen(job.executed ?? '')}>
            {trans.__('Open the executed notebook')}
          </button>
        )}
        {!running && (
          <button className="rw-button" onClick={onDismiss}>
            {trans.__('Dismiss')}
          </button>
        )}
      </div>
    </section>
  );
}

function JobFacts({ job }: { job: IJob }): JSX.Element {
  const { trans, locale } = usePage();
  const began = job.who
    ? trans.__('Started %1 by %2', locale.ago(job.started), job.who)
    : trans.__('Started %1', locale.ago(job.started));
  const seconds = job.ended && (Date.parse(job.ended) - Date.parse(job.started)) / 1_000;
  return (
    <p className="rw-quiet" title={locale.moment(job.started)}>
      {seconds ? trans.__('%1, took %2', began, locale.duration(seconds)) : began}
      {job.request?.alone && <> · {trans.__('aside, with other values')}</>}
    </p>
  );
}

function JobTasks({ job }: { job: IJob }): JSX.Element | null {
  const { trans, locale } = usePage();
  if (job.tasks.length === 0) {
    return null;
  }
  return (
    <ul className="rw-rows" aria-label={trans.__('Tasks of this run')}>
      {job.tasks.map(task => (
        <li key={task.name} className="rw-row" title={task.words || stateWords(task.state, trans)}>
          <span className="rw-row-name">{task.name}</span>
          {task.seconds !== null && <span className="rw-quiet">{locale.duration(task.seconds)}</span>}
          <Badge state={task.state} plain />
        </li>
      ))}
    </ul>
  );
}

/** What the build said; it stays at its end while it grows, unless somebody reads further up. */
function Log({ text, open }: { text: string; open: boolean }): JSX.Element | null {
  const { trans } = usePage();
  const place = React.useRef<HTMLPreElement>(null);
  const atEnd = React.useRef(true);
  React.useEffect(() => {
    const log = place.current;
    if (log === null) {
      return;
    }
    const toEnd = () => {
      log.scrollTop = atEnd.current ? log.scrollHeight : log.scrollTop;
    };
    toEnd();
    const seen = new ResizeObserver(toEnd); // it may have grown while the panel was closed
    seen.observe(log);
    return () => seen.disconnect();
  }, [text]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = place.current ?? {};
    atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return text === '' ? null : (
    <details className="rw-details" open={open || undefined}>
      <summary>{trans.__('Log')}</summary>
      <pre
        className="rw-log"
        ref={place}
        onScroll={onScroll}
        tabIndex={0}
        role="log"
        aria-label={trans.__('Log')}
      >
        {text}
      </pre>
    </details>
  );
}
