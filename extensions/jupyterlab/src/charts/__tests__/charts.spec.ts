import { edges, shortened } from '../bars';
import { linear, runs, thinned, ticks } from '../scale';

const bars = (...labels: string[]) => labels.map(label => ({ label }));

describe('ticks', () => {
  it('are few, round, and enclose the range', () => {
    expect(ticks(0.013, 0.91)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(ticks(0.5, 0.5).length).toBeGreaterThan(1);
    for (const [low, high] of [
      [-3, 7],
      [0.701, 0.704],
      [0, 0],
      [1e6, 3e6]
    ]) {
      const found = ticks(low, high);
      expect(found[0]).toBeLessThanOrEqual(low);
      expect(found[found.length - 1]).toBeGreaterThanOrEqual(high);
      expect(found.length).toBeLessThan(9);
    }
  });
});

describe('scale', () => {
  it('maps ends onto ends, and a range without width onto somewhere', () => {
    const y = linear([0, 1], [100, 0]);
    expect([y(0), y(0.5), y(1)]).toEqual([100, 50, 0]);
    expect(linear([2, 2], [0, 10])(2)).toBe(0);
  });

  it('keeps the last label and thins out before it', () => {
    expect(thinned(5, 3)).toEqual([0, 2, 4]);
    expect(thinned(100, 9).pop()).toBe(99);
  });

  it('leads no line over a gap', () => {
    const points = [0, 1, 4, 5].map(place => ({ place }));
    expect(runs(points).map(run => run.map(({ place }) => place))).toEqual([
      [0, 1],
      [4, 5]
    ]);
  });
});

describe('edges', () => {
  it('are those of ranges that touch', () => {
    expect(edges(bars('below 10', '10 to 20', '20 to 30', '30 and more'))).toEqual([
      '',
      '10',
      '20',
      '30',
      ''
    ]);
    expect(edges(bars('-10 to 0', '0 to 10'))).toEqual(['-10', '0', '10']);
  });

  it('are none of categories, or of ranges with something between', () => {
    expect(edges(bars('EWR', 'JFK', 'all others'))).toBeNull();
    expect(edges(bars('0 to 10', '20 to 30'))).toBeNull();
    expect(edges(bars('0 to 10', '10 to 20', 'JFK'))).toBeNull();
    expect(edges([])).toBeNull();
  });
});

describe('shortened', () => {
  it('says that there is more', () => {
    expect([shortened('temperature', 8), shortened('temp', 8)]).toEqual(['tempera…', 'temp']);
  });
});
