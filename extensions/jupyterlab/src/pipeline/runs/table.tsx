import * as React from 'react';
import { usePage } from '../../page';
import { ITaskRun } from '../../records';
import { Badge } from '../standing';

interface ITableProps {
  runs: ITaskRun[];
  chosen: string[];
  onChoose(run: string): void;
  onOpen(path: string): void;
}

/** The history of a task: each run with what it was given, what it read and what came of it. */
export function RunTable({ runs, chosen, onChoose, onOpen }: ITableProps): JSX.Element {
  const { trans, locale } = usePage();
  const metrics = [...new Set(runs.flatMap(run => Object.keys(run.metrics)))];
  return (
    <div className="rw-scroll" tabIndex={0} role="region" aria-label={trans.__('Runs')}>
      <table className="rw-table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Compare')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col" className="rw-number">
              {trans.__('Duration')}
            </th>
            <th scope="col">{trans.__('Who')}</th>
            <th scope="col">{trans.__('Data')}</th>
            {metrics.map(name => (
              <th scope="col" className="rw-number" key={name}>
                {name}
              </th>
            ))}
            <th scope="col">{trans.__('Parameters')}</th>
            <th scope="col">{trans.__('Notebook')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <tr key={run.run.id} data-chosen={chosen.includes(run.run.id)}>
              <td>
                <input
                  type="checkbox"
                  aria-label={trans.__('Compare run %1', run.run.id)}
                  checked={chosen.includes(run.run.id)}
                  onChange={() => onChoose(run.run.id)}
                />
              </td>
              <td title={run.error ?? undefined}>
                <Badge state={run.state} plain />
              </td>
              <td title={run.run.id}>{locale.moment(run.started)}</td>
              <td className="rw-number">{locale.duration(run.seconds)}</td>
              <td>{run.who}</td>
              <td>{versions(run)}</td>
              {metrics.map(name => (
                <td className="rw-number" key={name}>
                  {name in run.metrics ? locale.number(run.metrics[name]) : '–'}
                </td>
              ))}
              <td className="rw-wide">
                <Parameters values={run.parameters} />
              </td>
              <td>
                {run.notebook ? (
                  <button
                    className="rw-link"
                    aria-label={trans.__('Open the executed notebook of run %1', run.run.id)}
                    title={run.kept ? undefined : trans.__('A later run may have replaced it.')}
                    onClick={() => onOpen(run.notebook ?? '')}
                  >
                    {trans.__('Open')}
                  </button>
                ) : (
                  '–'
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );

  function versions(run: ITaskRun): string {
    const read = Object.entries(run.reads).map(([table, version]) => trans.__('%1 v%2', table, version));
    return read.join(', ') || '–';
  }
}

function Parameters({ values }: { values: { [name: string]: unknown } }): JSX.Element {
  const entries = Object.entries(values);
  return entries.length === 0 ? (
    <>–</>
  ) : (
    <dl className="rw-pairs">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{shown(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A value of any kind as text. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '–');
}
