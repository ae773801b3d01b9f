import { IPastReading, IPastWindow, IReading, IWindow, IWindowReport } from '../records';

/** A column of the told window in one window of the trend; null where nothing is known of it. */
export interface ITrendPoint {
  window: IWindow;
  reading: IPastReading | null;
}

/** A column: what the told window says of it, worst first, and its worst reading in every window. */
export interface IColumn {
  name: string;
  worst: IReading;
  readings: IReading[];
  trend: ITrendPoint[];
}

export type Key = 'worst' | 'name' | 'measure' | 'effect' | 'threshold' | 'n_reference' | 'n_window';

export interface IOrder {
  key: Key;
  descending: boolean;
}

export interface IFilter {
  text: string;
  driftedOnly: boolean;
}

const LINE = 4; // of a strip's 12 units of height
const DOUBLING = 2.5;
export const STRIP_HEIGHT = 12;

/** The size of a change in units of what counts. */
export function ratio(reading: IPastReading): number {
  if (!Number.isFinite(reading.effect)) {
    return 0;
  }
  return reading.threshold > 0 ? reading.effect / reading.threshold : Infinity;
}

/** Order of two readings, the more urgent first: drift, then size over what counts times importance. */
export function compareUrgency(a: IPastReading, b: IPastReading): number {
  const drift = Number(b.verdict === 'drift') - Number(a.verdict === 'drift');
  return (
    drift ||
    compare(weighted(b), weighted(a)) ||
    compare(ratio(b), ratio(a)) ||
    a.column.localeCompare(b.column)
  );
}

/** The columns of the told window, the worst first. */
export function columnsOf(told: IWindowReport, windows: readonly IPastWindow[]): IColumn[] {
  const worst = windows.map(worstByColumn);
  const readings = new Map<string, IReading[]>();
  for (const reading of [...told.readings].sort(compareUrgency)) {
    readings.set(reading.column, [...(readings.get(reading.column) ?? []), reading]);
  }
  return [...readings].map(([name, found]) => ({
    name,
    worst: found[0],
    readings: found,
    trend: windows.map(({ window }, place) => ({ window, reading: worst[place].get(name) ?? null }))
  }));
}

/** The columns that were asked for, in the order that was asked for. */
export function chosen(columns: readonly IColumn[], filter: IFilter, order: IOrder): IColumn[] {
  const asked = filter.text.trim().toLocaleLowerCase();
  const left = columns.filter(
    column =>
      (!filter.driftedOnly || column.worst.verdict === 'drift') &&
      (!asked || [column.name, column.worst.measure].some(text => text.toLocaleLowerCase().includes(asked)))
  );
  const sign = order.descending ? -1 : 1;
  return left.sort((a, b) => sign * compareBy(order.key, a, b) || compareUrgency(a.worst, b.worst));
}

/** The next order when a column's head is pressed: figures begin with the largest, words with the first. */
export function pressed(order: IOrder, key: Key): IOrder {
  if (order.key === key) {
    return { key, descending: !order.descending };
  }
  return { key, descending: !['worst', 'name', 'measure'].includes(key) };
}

/** How high a bar of a strip is: in proportion up to what counts, then a step for each doubling. */
export function height(size: number): number {
  if (size <= 1) {
    return Math.round(LINE * Math.max(size, 0));
  }
  return Number.isFinite(size)
    ? Math.min(STRIP_HEIGHT, Math.trunc(LINE + DOUBLING * Math.log2(size)))
    : STRIP_HEIGHT;
}

function compareBy(key: Key, a: IColumn, b: IColumn): number {
  switch (key) {
    case 'worst':
      return compareUrgency(a.worst, b.worst);
    case 'name':
      return a.name.localeCompare(b.name);
    case 'measure':
      return a.worst.measure.localeCompare(b.worst.measure);
    default:
      return compare(a.worst[key], b.worst[key]);
  }
}

function worstByColumn(found: IPastWindow): Map<string, IPastReading> {
  const worst = new Map<string, IPastReading>();
  for (const reading of found.readings) {
    const held = worst.get(reading.column);
    if (!held || compareUrgency(reading, held) < 0) {
      worst.set(reading.column, reading);
    }
  }
  return worst;
}

function weighted(reading: IPastReading): number {
  const weight = reading.importance ?? 1;
  return weight ? weight * ratio(reading) : 0;
}

/** Order of two numbers; what is no number comes last. */
function compare(a: number, b: number): number {
  if (a === b) {
    return 0;
  }
  return Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b;
}
