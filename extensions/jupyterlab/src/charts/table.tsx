import React, { ReactNode } from 'react';

import { useWords } from '../words';

export interface IChartTableProps {
  /** what the figures are of */
  caption: string;
  head: string[];
  /** the first of each row names it */
  rows: ReactNode[][];
  /** from which column on there are figures */
  figuresFrom?: number;
}

/** The figures of a chart as a table, one press away. */
export function ChartTable(props: IChartTableProps): JSX.Element {
  const { trans } = useWords();
  return (
    <details className="rw-disclosure">
      <summary>
        {trans.__('Table')}
        <span className="rw-hidden">: {props.caption}</span>
      </summary>
      <DataTable {...props} />
    </details>
  );
}

/** An id, such as a version's, in a table: it stays on one line. */
export function Id({ children }: { children: string }): JSX.Element {
  return <span className="rw-id">{children}</span>;
}

export function DataTable({ caption, head, rows, figuresFrom = 1 }: IChartTableProps): JSX.Element {
  return (
    <div className="rw-scrolled" tabIndex={0} role="region" aria-label={caption}>
      <table className="rw-figures">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((title, i) => (
              <th key={i} scope="col" className={i >= figuresFrom ? 'rw-num' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <th scope="row">{row[0]}</th>
              {row.slice(1).map((cell, j) => (
                <td key={j} className={j + 1 >= figuresFrom ? 'rw-num' : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
