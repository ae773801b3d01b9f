import React, { useContext, useMemo, useState } from 'react';

import { Histogram } from '../charts/histogram';
import { DataTable } from '../charts/table';
import { Figures } from '../figures';
import { IProfileColumn } from '../records';
import { useWords } from '../words';
import { Find } from './find';
import { Heading } from './heading';
import { Heads } from './heads';
import { Still } from './still';

type Key = 'name' | 'kind' | 'missing' | 'distinct' | 'mean' | 'sd';
const FIGURES: readonly Key[] = ['missing', 'distinct', 'mean', 'sd']; // the largest first

export interface IProfileViewProps {
  name: string;
  columns: readonly IProfileColumn[];
  onExport?: () => void;
}

/** A profile: what the columns of some rows hold, without the rows. */
export function ProfileView({ name, columns, onExport }: IProfileViewProps): JSX.Element {
  const { trans, figures } = useWords();
  const still = useContext(Still);
  const [text, setText] = useState('');
  const [order, setOrder] = useState<{ key: Key; descending: boolean } | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const shown = useMemo(() => sorted(columns, text, order), [columns, text, order]);
  const heads: [Key, string, boolean][] = [
    ['name', trans.__('Column'), false],
    ['kind', trans.__('Kind'), false],
    ['missing', trans.__('Missing'), true],
    ['distinct', trans.__('Distinct'), true],
    ['mean', trans.__('Mean'), true],
    ['sd', trans.__('Deviation'), true]
  ];
  const onPress = (key: Key) =>
    setOrder({ key, descending: order?.key === key ? !order.descending : FIGURES.includes(key) });
  const rows = Math.max(0, ...columns.map(column => column.rows));
  return (
    <>
      <Heading
        title={name}
        about={trans.__('A profile of %1 rows: sketches of each column, no rows.', figures.count(rows))}
        onExport={onExport}
      />
      {!still && (
        <div className="rw-tools" role="search">
          <Find what={trans.__('column')} text={text} onChange={setText} />
          <span className="rw-muted" role="status">
            {trans.__('%1 of %2 columns', figures.count(shown.length), figures.count(columns.length))}
          </span>
        </div>
      )}
      <div className="rw-scrolled" tabIndex={0} role="region" aria-label={trans.__('Columns')}>
        <table className="rw-figures rw-columns">
          <thead>
            <tr>
              <Heads heads={heads} order={order} onPress={onPress} />
            </tr>
          </thead>
          <tbody>
            {shown.map(column => (
              <ProfileRow
                key={column.name}
                column={column}
                open={still || opened === column.name}
                onToggle={() => setOpened(opened === column.name ? null : column.name)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface IProfileRowProps {
  column: IProfileColumn;
  open: boolean;
  onToggle: () => void;
}

function ProfileRow({ column, open, onToggle }: IProfileRowProps): JSX.Element {
  const { trans, figures } = useWords();
  const kinds: { [kind in IProfileColumn['kind']]: string } = {
    number: trans.__('number'),
    text: trans.__('text'),
    time: trans.__('time'),
    boolean: trans.__('boolean'),
    mixed: trans.__('mixed'),
    empty: trans.__('empty')
  };
  return (
    <>
      <tr data-open={open || undefined}>
        <th scope="row">
          {useContext(Still) ? (
            column.name
          ) : (
            <button type="button" className="rw-opener" aria-expanded={open} onClick={onToggle}>
              {column.name}
            </button>
          )}
        </th>
        <td>{kinds[column.kind] ?? column.kind}</td>
        <td className="rw-num">
          {figures.count(column.missing)}
          {column.missing > 0 && (
            <span className="rw-ends">{figures.percent(column.missing / column.rows)}</span>
          )}
        </td>
        <td className="rw-num">
          {figures.count(column.distinct === null ? null : Math.round(column.distinct))}
        </td>
        <td className="rw-num">{valueOf(column, column.mean, figures, 3)}</td>
        <td className="rw-num">
          {column.kind === 'time' ? figures.seconds(column.sd) : figures.figure(column.sd)}
        </td>
      </tr>
      {open && (
        <tr className="rw-details-row">
          <td colSpan={6}>
            <ProfileDetails column={column} />
          </td>
        </tr>
      )}
    </>
  );
}

function ProfileDetails({ column }: { column: IProfileColumn }): JSX.Element {
  const { trans, figures } = useWords();
  const quantiles = Object.entries(column.quantiles).sort(([a], [b]) => Number(a) - Number(b));
  const frequent = Object.entries(column.frequent);
  const bars = column.bars.map(({ share, ...bar }) => ({ ...bar, reference: null, window: share }));
  if (!bars.length && !quantiles.length && !frequent.length) {
    return <p className="rw-muted">{trans.__('No value of it is known: all are missing.')}</p>;
  }
  return (
    <div className="rw-details rw-reading">
      {bars.length > 0 && <Histogram title={column.name} bars={bars} />}
      <div>
        {quantiles.length > 0 && (
          <DataTable
            caption={trans.__('Quantiles of %1', column.name)}
            head={[trans.__('Share below'), trans.__('Value')]}
            rows={quantiles.map(([share, value]) => [
              figures.percent(Number(share)),
              valueOf(column, value, figures, 5)
            ])}
          />
        )}
        {frequent.length > 0 && (
          <DataTable
            caption={trans.__('Most frequent values of %1', column.name)}
            head={[trans.__('Value'), trans.__('Rows')]}
            rows={frequent.map(([value, count]) => [value || trans.__('(empty text)'), figures.count(count)])}
          />
        )}
      </div>
    </div>
  );
}

/** A value of a column; in a column of moments it is seconds since 1970. */
function valueOf({ kind }: IProfileColumn, value: number | null, figures: Figures, digits: number): string {
  const at = new Date((value ?? NaN) * 1000);
  return kind === 'time' && !Number.isNaN(at.getTime())
    ? figures.utc(at.toISOString())
    : figures.figure(value, digits);
}

function sorted(
  columns: readonly IProfileColumn[],
  text: string,
  order: { key: Key; descending: boolean } | null
): IProfileColumn[] {
  const asked = text.trim().toLocaleLowerCase();
  const left = columns.filter(column => column.name.toLocaleLowerCase().includes(asked));
  if (!order) {
    return left;
  }
  const sign = order.descending ? -1 : 1;
  return left.sort((a, b) => {
    const [one, other] = [a[order.key], b[order.key]];
    if (typeof one === 'string' && typeof other === 'string') {
      return sign * one.localeCompare(other);
    }
    return sign * (Number(one ?? -Infinity) - Number(other ?? -Infinity)) || 0;
  });
}
