import { TranslationBundle } from '@jupyterlab/translation';

import { Figures } from '../figures';
import { IBar } from '../records';

export type IRange = Pick<IBar, 'label' | 'stands_for' | 'low' | 'high'>;
type End = number | string;

const DIGITS = [6, 9, 12, 15, 17]; // the last tells any two numbers apart
const DAY = 86_400_000;

/** Where the bars of ranges begin and end, in words at their edges; null where they are not all ranges. */
export function edges(bars: readonly IRange[], figures: Figures): string[] | null {
  const inner = bars.filter(({ low, high }) => low !== null && high !== null && low !== high);
  const open = bars.filter(
    ({ low, high }, i) =>
      (i === 0 && low === null && high !== null) || (i === bars.length - 1 && low !== null && high === null)
  );
  const touching = bars.every((bar, i) => i === 0 || bar.low === bars[i - 1].high);
  if (inner.length < 2 || inner.length + open.length !== bars.length || !touching) {
    return null;
  }
  const write = writer(bars, figures);
  const all = [bars[0].low, ...bars.map(({ high }) => high)];
  return all.map(end => (end === null ? '' : write(end)));
}

/** What each bar stands for, as the language has it; of a category its name. */
export function names(bars: readonly IRange[], trans: TranslationBundle, figures: Figures): string[] {
  const write = writer(bars, figures);
  return bars.map(({ label, stands_for: meant, low, high }) => {
    if (meant !== null) {
      return meant === 'rest' ? trans.__('all others') : trans.__('(empty text)');
    }
    if (low === null) {
      return high === null ? label : trans.__('below %1', write(high));
    }
    if (high === null) {
      return trans.__('%1 and more', write(low));
    }
    return low === high ? write(low) : trans.__('%1 to %2', write(low), write(high));
  });
}

/** Writes the ends of bars, with as many digits as tell them apart; moments with their hour where that does. */
function writer(bars: readonly IRange[], figures: Figures): (end: End) => string {
  const ends = [...new Set(bars.flatMap(({ low, high }) => [low, high]))].filter(
    (end): end is End => end !== null
  );
  const numbers = ends.filter((end): end is number => typeof end === 'number');
  const apart = (digits: number) => new Set(numbers.map(end => figures.exact(end, digits))).size;
  const ranges = bars.some(({ low, high }) => low !== high);
  const digits = ranges ? 15 : (DIGITS.find(some => apart(some) === numbers.length) ?? 17);
  const days = ends.every(end => typeof end === 'number' || Date.parse(end) % DAY === 0);
  return end =>
    typeof end === 'number' ? figures.exact(end, digits) : days ? figures.day(end) : figures.utc(end);
}

/** Text with no more than so many letters; an ellipsis says that there are more. */
export function shortened(text: string, most: number): string {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : text;
}
