import React from 'react';

import { useWords } from '../words';
import { linear, runs, thinned, ticks } from './scale';
import { useWidth } from './width';

export interface IPoint {
  /** which window, from 0 */
  place: number;
  value: number;
  low: number | null;
  high: number | null;
  /** drawn as a triangle: something that one should see */
  marked?: boolean;
  /** drawn hollow */
  hollow?: boolean;
}

export interface ISeries {
  name: string;
  /** which ink and which form of mark, from 0 */
  ink: number;
  dashed?: boolean;
  points: IPoint[];
}

export interface ILinesProps {
  /** what is drawn, for whoever cannot see it */
  label: string;
  /** of the windows, oldest first */
  labels: string[];
  series: ISeries[];
  /** a value that counts, drawn as a line over the whole width */
  limit?: { value: number; name: string };
  /** a range that the axis holds in any case */
  floor?: number;
}

const [USUAL, LEAST, MOST] = [720, 300, 860]; // pixels
const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 16, 14, 28];
const LABEL = 74; // pixels that a label takes

/** Values over the windows, each with its interval. Lines differ by dash and form of mark, not by ink alone. */
export function Lines({ label, labels, series, limit, floor }: ILinesProps): JSX.Element {
  const { figures } = useWords();
  const [drawing, width] = useWidth<SVGSVGElement>(USUAL, LEAST, MOST);
  const ends = series
    .flatMap(one => one.points)
    .flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const shown = [...ends, ...(limit ? [limit.value] : []), ...(floor === undefined ? [] : [floor])].filter(
    Number.isFinite
  );
  const values = ticks(Math.min(...shown), Math.max(...shown));
  const y = linear([values[0], values[values.length - 1]], [HEIGHT - BOTTOM, TOP]);
  const x = linear([-0.5, labels.length - 0.5], [LEFT, width - RIGHT]);
  return (
    <svg ref={drawing} className="rw-lines" viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
      {values.map(value => (
        <g key={value}>
          <line className="rw-rule" x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
          <text className="rw-tick" x={LEFT - 8} y={y(value) + 4} textAnchor="end">
            {figures.figure(value)}
          </text>
        </g>
      ))}
      {thinned(labels.length, Math.floor((width - LEFT - RIGHT) / LABEL)).map(place => (
        <text key={place} className="rw-tick" x={x(place)} y={HEIGHT - 8} textAnchor="middle">
          {labels[place]}
        </text>
      ))}
      {limit && Number.isFinite(limit.value) && (
        <g className="rw-limit">
          <line x1={LEFT} x2={width - RIGHT} y1={y(limit.value)} y2={y(limit.value)} />
          <text className="rw-tick" x={width - RIGHT} y={y(limit.value) - 5} textAnchor="end">
            {limit.name}
          </text>
        </g>
      )}
      {series.map(one => (
        <Line key={`${one.name} ${one.dashed}`} series={one} x={x} y={y} />
      ))}
    </svg>
  );
}

type Scale = (value: number) => number;

function Line({ series, x, y }: { series: ISeries; x: Scale; y: Scale }): JSX.Element {
  const points = series.points.filter(point => Number.isFinite(point.value));
  const parts = runs(points);
  const path = parts
    .map(run => `M${run.map(({ place, value }) => `${x(place)} ${y(value)}`).join('L')}`)
    .join('');
  return (
    <g className="rw-series" data-ink={series.ink % 4} data-dashed={series.dashed || undefined}>
      <path className="rw-band" d={parts.map(run => band(run, x, y)).join('')} />
      <path
        className="rw-whisker"
        d={parts.map(run => (run.length === 1 ? whisker(run[0], x, y) : '')).join('')}
      />
      <path className="rw-line" d={path} />
      {points.map(point => (
        <path
          key={point.place}
          className="rw-dot"
          data-hollow={point.hollow || series.dashed || undefined}
          data-marked={point.marked || undefined}
          d={form(point.marked ? 2 : series.ink)}
          transform={`translate(${x(point.place)} ${y(point.value)})`}
        />
      ))}
    </g>
  );
}

function band(run: IPoint[], x: Scale, y: Scale): string {
  const known = run.filter(({ low, high }) => low !== null && high !== null);
  if (known.length < 2 || known.length < run.length) {
    return known.map(point => whisker(point, x, y)).join('');
  }
  const upper = known.map(({ place, high }) => `${x(place)} ${y(high as number)}`);
  const lower = known.map(({ place, low }) => `${x(place)} ${y(low as number)}`);
  return `M${[...upper, ...lower.reverse()].join('L')}z`;
}

function whisker({ place, low, high }: IPoint, x: Scale, y: Scale): string {
  return low === null || high === null ? '' : `M${x(place)} ${y(low)}V${y(high)}`;
}

/** The outline of a mark around the origin: circle, square, triangle, diamond. */
export function form(ink: number): string {
  const forms = [
    'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
    'M-3.5-3.5h7v7h-7z',
    'M0-5L5 4H-5z',
    'M0-5L5 0L0 5L-5 0z'
  ];
  return forms[ink % forms.length];
}
