import { IBar } from '../records';

/** Where the bars of ranges begin and end, as labels at their edges; null where they are not all ranges. */
export function edges(bars: readonly Pick<IBar, 'label'>[]): string[] | null {
  const between = bars.map(({ label }) => /^(.+) to (.+)$/.exec(label));
  const inner = bars.filter((_, i) => between[i]);
  if (inner.length < 2) {
    return null;
  }
  const first = bars[0].label.startsWith('below ') ? bars[0].label.slice(6) : null;
  const last = bars[bars.length - 1].label.endsWith(' and more')
    ? bars[bars.length - 1].label.slice(0, -9)
    : null;
  const open = Number(first !== null) + Number(last !== null);
  if (inner.length + open !== bars.length) {
    return null;
  }
  const ranges = between.filter((range): range is RegExpExecArray => range !== null);
  const touching = ranges.every((range, i) => i === 0 || range[1] === ranges[i - 1][2]);
  const labels = [...ranges.map(range => range[1]), ranges[ranges.length - 1][2]];
  return touching ? [...(first === null ? [] : ['']), ...labels, ...(last === null ? [] : [''])] : null;
}

/** Text with no more than so many letters; an ellipsis says that there are more. */
export function shortened(text: string, most: number): string {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : text;
}
