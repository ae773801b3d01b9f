const STEPS = [1, 2, 2.5, 5, 10];

/** Four to seven round values that enclose a range. */
export function ticks(low: number, high: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const scale = 10 ** Math.floor(Math.log10(span / 4));
  const step = scale * (STEPS.find(factor => factor * scale * 4 >= span * (1 - 1e-9)) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A map of one range onto another, in a straight line. */
export function linear(
  from: readonly [number, number],
  to: readonly [number, number]
): (value: number) => number {
  const slope = (to[1] - to[0]) / (from[1] - from[0] || 1);
  return value => Math.round(10 * (to[0] + slope * (value - from[0]))) / 10;
}

/** The places whose labels are shown when not all have room: the last, and evenly before it. */
export function thinned(count: number, most: number): number[] {
  const every = Math.max(1, Math.ceil(count / most));
  return Array.from({ length: count }, (_, i) => i).filter(i => (count - 1 - i) % every === 0);
}

/** Points in runs without a gap, so that no line leads over what is not known. */
export function runs<T extends { place: number }>(points: readonly T[]): T[][] {
  const found: T[][] = [];
  for (const point of points) {
    const run = found[found.length - 1];
    if (run && run[run.length - 1].place === point.place - 1) {
      run.push(point);
    } else {
      found.push([point]);
    }
  }
  return found;
}
