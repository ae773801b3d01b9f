import * as React from 'react';
import { usePage } from '../../page';
import { ITaskRun } from '../../records';
import { Badge } from '../standing';

interface IListProps {
  runs: ITaskRun[];
  onOpen(path: string): void;
}

/** The newest runs of a task, for the narrow panel. */
export function RunList({ runs, onOpen }: IListProps): JSX.Element {
  const { trans, locale } = usePage();
  return (
    <ul className="rw-rows" aria-label={trans.__('Newest runs')}>
      {runs.map(run => (
        <li key={run.run.id} className="rw-run" title={run.error ?? undefined}>
          <div className="rw-row">
            <Badge state={run.state} plain />
            <span className="rw-row-name" title={locale.moment(run.started)}>
              {locale.ago(run.started)}
            </span>
            <span className="rw-quiet">{locale.duration(run.seconds)}</span>
          </div>
          <div className="rw-row">
            <span className="rw-row-name rw-quiet">{facts(run).join(' · ')}</span>
            {run.notebook && (
              <button
                className="rw-link"
                aria-label={trans.__('Open the executed notebook of run %1', run.run.id)}
                onClick={() => onOpen(run.notebook ?? '')}
              >
                {trans.__('Open')}
              </button>
            )}
          </div>
        </li>
      ))}
    </ul>
  );

  function facts(run: ITaskRun): string[] {
    const metrics = Object.entries(run.metrics).slice(0, 2);
    return [
      ...(run.who ? [run.who] : []),
      ...metrics.map(([name, value]) => `${name} ${locale.number(value)}`)
    ];
  }
}
