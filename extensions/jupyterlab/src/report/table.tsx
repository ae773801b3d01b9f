import React, { Fragment, memo, useContext, useId, useMemo, useState } from 'react';

import { VerdictMark } from '../charts/mark';
import { Strip } from '../charts/strip';
import { useWords } from '../words';
import { chosen, IColumn, IFilter, IOrder, Key, pressed } from './columns';
import { Details, useTrendWords } from './details';
import { Find } from './find';
import { Heads } from './heads';
import { Still } from './still';

interface IColumnTableProps {
  columns: readonly IColumn[];
  /** how many windows there is a trend of */
  windows: number;
}

/** All columns, the worst first; found by name, sorted by any figure, each opened for all that is known of it. */
export function ColumnTable({ columns, windows }: IColumnTableProps): JSX.Element {
  const { trans, figures } = useWords();
  const still = useContext(Still);
  const [filter, setFilter] = useState<IFilter>({ text: '', driftedOnly: false });
  const [order, setOrder] = useState<IOrder>({ key: 'worst', descending: false });
  const [opened, setOpened] = useState<ReadonlySet<string>>(
    () => new Set(still ? columns.map(one => one.name) : worstOf(columns))
  );
  const shown = useMemo(() => chosen(columns, filter, order), [columns, filter, order]);
  const toggle = useMemo(
    () => (name: string) =>
      setOpened(now => {
        const next = new Set(now);
        if (!next.delete(name)) {
          next.add(name);
        }
        return next;
      }),
    []
  );
  const heads: [Key, string, boolean][] = [
    ['worst', trans.__('Verdict'), false],
    ['name', trans.__('Column'), false],
    ['measure', trans.__('Measure'), false],
    ['effect', trans.__('Effect'), true],
    ['threshold', trans.__('Threshold'), true],
    ['n_reference', trans.__('n reference'), true],
    ['n_window', trans.__('n window'), true]
  ];
  return (
    <>
      {!still && (
        <Tools filter={filter} onChange={setFilter}>
          {trans.__('%1 of %2 columns', figures.count(shown.length), figures.count(columns.length))}
        </Tools>
      )}
      <div className="rw-scrolled" tabIndex={0} role="region" aria-label={trans.__('Columns')}>
        <table className="rw-figures rw-columns">
          <thead>
            <tr>
              <Heads heads={heads} order={order} onPress={key => setOrder(pressed(order, key))} />
              {windows > 1 && <th scope="col">{trans.__('Trend')}</th>}
            </tr>
          </thead>
          <tbody>
            {shown.map(column => (
              <Row
                key={column.name}
                column={column}
                open={opened.has(column.name)}
                onToggle={toggle}
                trend={windows > 1}
              />
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && (
        <p className="rw-muted">{trans.__('No column is like that. Ask for fewer things above.')}</p>
      )}
    </>
  );
}

interface IToolsProps {
  filter: IFilter;
  onChange: (filter: IFilter) => void;
  children: string;
}

function Tools({ filter, onChange, children }: IToolsProps): JSX.Element {
  const { trans } = useWords();
  return (
    <div className="rw-tools" role="search">
      <Find
        what={trans.__('column or measure')}
        text={filter.text}
        onChange={text => onChange({ ...filter, text })}
      />
      <label>
        <input
          type="checkbox"
          checked={filter.driftedOnly}
          onChange={event => onChange({ ...filter, driftedOnly: event.target.checked })}
        />{' '}
        {trans.__('Drifted only')}
      </label>
      <span className="rw-muted" role="status">
        {children}
      </span>
    </div>
  );
}

interface IRowProps {
  column: IColumn;
  open: boolean;
  onToggle: (name: string) => void;
  trend: boolean;
}

const Row = memo(function Row({ column, open, onToggle, trend }: IRowProps): JSX.Element {
  const { figures } = useWords();
  const id = useId();
  const { worst } = column;
  const ends = figures.ends(worst.effect_low, worst.effect_high);
  return (
    <Fragment>
      <tr data-verdict={worst.verdict} data-open={open || undefined}>
        <td>
          <VerdictMark verdict={worst.verdict} />
        </td>
        <th scope="row">
          {useContext(Still) ? (
            column.name
          ) : (
            <button
              type="button"
              className="rw-opener"
              aria-expanded={open}
              aria-controls={open ? id : undefined}
              onClick={() => onToggle(column.name)}
            >
              {column.name}
            </button>
          )}
        </th>
        <td>{worst.measure}</td>
        <td className="rw-num">
          {figures.figure(worst.effect)}
          {ends && <span className="rw-ends">{ends}</span>}
        </td>
        <td className="rw-num">{figures.figure(worst.threshold)}</td>
        <td className="rw-num">{figures.count(worst.n_reference)}</td>
        <td className="rw-num">{figures.count(worst.n_window)}</td>
        {trend && (
          <td className="rw-trend-cell">
            <TrendCell column={column} />
          </td>
        )}
      </tr>
      {open && (
        <tr className="rw-details-row" id={id}>
          <td colSpan={trend ? 8 : 7}>
            <Details column={column} />
          </td>
        </tr>
      )}
    </Fragment>
  );
});

function TrendCell({ column }: { column: IColumn }): JSX.Element {
  const words = useTrendWords(column.trend);
  return (
    <>
      <Strip trend={column.trend} />
      <span className="rw-ends">{words}</span>
    </>
  );
}

/** The column that is opened from the beginning: the worst, when it drifted. */
function worstOf(columns: readonly IColumn[]): string[] {
  return columns.slice(0, 1).flatMap(column => (column.worst.verdict === 'drift' ? [column.name] : []));
}
