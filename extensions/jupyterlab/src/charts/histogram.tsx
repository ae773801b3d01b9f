import React, { useId } from 'react';

import { useWords } from '../words';
import { edges, IRange, names, shortened } from './bars';
import { linear, ticks } from './scale';
import { ChartTable } from './table';

export interface IPair extends IRange {
  /** share of the reference's values; null where there is no reference */
  reference: number | null;
  window: number;
}

export interface IHistogramProps {
  title: string;
  bars: IPair[];
}

const [WIDTH, HEIGHT] = [520, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 12, 10, 26];
const [ROW, LABEL, MOST_LETTERS] = [24, 150, 22];
const LETTER = 6.2; // pixels that a letter below the axis takes, with what parts it from the next label

/** Two distributions over each other: the window filled, the reference hatched with an outline. */
export function Histogram({ title, bars }: IHistogramProps): JSX.Element {
  const { trans, figures } = useWords();
  const hatch = `rw-hatch-${useId().replace(/:/g, '')}`;
  const both = bars.some(bar => bar.reference !== null);
  const label = both
    ? trans.__('Values of %1: the reference hatched, the window filled. The table has the figures.', title)
    : trans.__('Values of %1. The table has the figures.', title);
  const at = edges(bars, figures);
  const called = names(bars, trans, figures);
  const head = both
    ? [trans.__('Values'), trans.__('Reference'), trans.__('Window')]
    : [trans.__('Values'), trans.__('Share')];
  return (
    <figure className="rw-figure">
      {both && <Legend hatch={hatch} />}
      {at ? (
        <Standing bars={bars} edges={at} hatch={hatch} label={label} />
      ) : (
        <Lying bars={bars} names={called} hatch={hatch} label={label} />
      )}
      <ChartTable
        caption={trans.__('Share of the values of %1', title)}
        head={head}
        rows={bars.map((bar, i) => [
          called[i],
          ...(both ? [figures.percent(bar.reference)] : []),
          figures.percent(bar.window)
        ])}
      />
    </figure>
  );
}

function Hatch({ id }: { id: string }): JSX.Element {
  return (
    <defs>
      <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line className="rw-hatch" x1="1" x2="1" y1="0" y2="6" />
      </pattern>
    </defs>
  );
}

function Legend({ hatch }: { hatch: string }): JSX.Element {
  const { trans } = useWords();
  return (
    <figcaption className="rw-keys">
      <span>
        <svg width="22" height="14" aria-hidden="true">
          <Hatch id={`${hatch}-key`} />
          <rect className="rw-reference" fill={`url(#${hatch}-key)`} x="1" y="1" width="20" height="12" />
        </svg>
        {trans.__('reference')}
      </span>
      <span>
        <svg width="22" height="14" aria-hidden="true">
          <rect className="rw-window" x="1" y="1" width="20" height="12" />
        </svg>
        {trans.__('window')}
      </span>
    </figcaption>
  );
}

interface IDrawingProps {
  bars: IPair[];
  hatch: string;
  label: string;
}

/** Ranges of numbers side by side, their edges on the axis below. */
function Standing({ bars, edges, hatch, label }: IDrawingProps & { edges: string[] }): JSX.Element {
  const { figures } = useWords();
  const values = ticks(0, largest(bars));
  const y = linear([0, values[values.length - 1]], [HEIGHT - BOTTOM, TOP]);
  const x = linear([0, bars.length], [LEFT, WIDTH - RIGHT]);
  const wide = x(1) - x(0);
  const every = Math.ceil((Math.max(...edges.map(edge => edge.length)) * LETTER) / wide);
  return (
    <svg className="rw-histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <Hatch id={hatch} />
      {values.map(value => (
        <g key={value}>
          <line className="rw-rule" x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} />
          <text className="rw-tick" x={LEFT - 6} y={y(value) + 4} textAnchor="end">
            {figures.percent(value)}
          </text>
        </g>
      ))}
      {bars.map((bar, i) => (
        <g key={i}>
          <rect
            className="rw-window"
            x={x(i) + 1}
            width={wide - 2}
            y={y(bar.window)}
            height={y(0) - y(bar.window)}
          />
          {bar.reference !== null && (
            <rect
              className="rw-reference"
              fill={`url(#${hatch})`}
              x={x(i) + 1}
              width={wide - 2}
              y={y(bar.reference)}
              height={y(0) - y(bar.reference)}
            />
          )}
        </g>
      ))}
      <line className="rw-axis" x1={LEFT} x2={WIDTH - RIGHT} y1={y(0)} y2={y(0)} />
      {edges.map(
        (edge, i) =>
          i % every === 0 && (
            <text key={i} className="rw-tick" x={within(x(i), edge)} y={HEIGHT - 9} textAnchor="middle">
              {edge}
            </text>
          )
      )}
    </svg>
  );
}

/** Where the middle of a label has to be so that none of it lies outside. */
function within(x: number, label: string): number {
  const half = (label.length * LETTER) / 2;
  return Math.min(Math.max(x, half), WIDTH - half);
}

/** Values below each other, so that their names have room. */
function Lying({ bars, names, hatch, label }: IDrawingProps & { names: string[] }): JSX.Element {
  const { figures } = useWords();
  const x = linear([0, largest(bars)], [LABEL, WIDTH - 66]);
  const high = bars.length * ROW + 6;
  return (
    <svg className="rw-histogram" viewBox={`0 0 ${WIDTH} ${high}`} role="img" aria-label={label}>
      <Hatch id={hatch} />
      {bars.map((bar, i) => (
        <g key={i} transform={`translate(0 ${i * ROW + 3})`}>
          <text className="rw-tick rw-value" x={LABEL - 8} y={ROW / 2 + 4} textAnchor="end">
            <title>{names[i]}</title>
            {shortened(names[i], MOST_LETTERS)}
          </text>
          <rect className="rw-window" x={LABEL} width={x(bar.window) - LABEL} y="3" height={ROW - 6} />
          {bar.reference !== null && (
            <rect
              className="rw-reference"
              fill={`url(#${hatch})`}
              x={LABEL}
              width={x(bar.reference) - LABEL}
              y="3"
              height={ROW - 6}
            />
          )}
          <text className="rw-tick" x={x(Math.max(bar.window, bar.reference ?? 0)) + 8} y={ROW / 2 + 4}>
            {figures.percent(bar.window)}
          </text>
        </g>
      ))}
      <line className="rw-axis" x1={LABEL} x2={LABEL} y1="0" y2={high} />
    </svg>
  );
}

function largest(bars: IPair[]): number {
  return Math.max(1e-6, ...bars.flatMap(bar => [bar.window, bar.reference ?? 0]).filter(Number.isFinite));
}
