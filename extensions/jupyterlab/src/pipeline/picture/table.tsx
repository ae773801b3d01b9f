import { PathExt } from '@jupyterlab/coreutils';
import * as React from 'react';
import { usePage } from '../../page';
import { ILabTask } from '../../records';
import { Badge } from '../standing';
import { ProductBadge } from './product';

/** The pipeline as a table: the same as its picture, for reading. */
export function TaskTable({ tasks, onOpen }: { tasks: ILabTask[]; onOpen(path: string): void }): JSX.Element {
  const { trans, locale } = usePage();
  return (
    <div className="rw-scroll" tabIndex={0} role="region" aria-label={trans.__('Tasks')}>
      <table className="rw-table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Task')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Why')}</th>
            <th scope="col">{trans.__('Builds on')}</th>
            <th scope="col">{trans.__('Products')}</th>
            <th scope="col">{trans.__('Last run')}</th>
            <th scope="col" className="rw-number">
              {trans.__('Duration')}
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(task => (
            <tr key={task.name}>
              <th scope="row">
                {task.source ? (
                  <button className="rw-link" onClick={() => onOpen(task.source)}>
                    {task.name}
                  </button>
                ) : (
                  task.name
                )}
              </th>
              <td>
                <Badge state={task.standing} plain />
              </td>
              <td>{task.reasons.join(', ')}</td>
              <td>{task.upstream.join(', ') || '–'}</td>
              <td>
                {task.products.map(({ path, state }) => (
                  <div key={path} className="rw-made">
                    {state === 'missing' ? (
                      <span title={path}>{PathExt.basename(path)}</span>
                    ) : (
                      <button className="rw-link" title={path} onClick={() => onOpen(path)}>
                        {PathExt.basename(path)}
                      </button>
                    )}{' '}
                    <ProductBadge state={state} />
                  </div>
                ))}
              </td>
              <td title={task.last_ended ? locale.moment(task.last_ended) : undefined}>
                {task.last_ended ? locale.ago(task.last_ended) : '–'}
              </td>
              <td className="rw-number">{task.seconds === null ? '–' : locale.duration(task.seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
