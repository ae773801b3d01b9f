import { nullTranslator } from '@jupyterlab/translation';

import { Figures } from '../../figures';
import { edges, IRange, names, shortened } from '../bars';
import { linear, runs, thinned, ticks } from '../scale';

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

const trans = nullTranslator.load('roadworthy');
const [english, german] = ['en', 'de'].map(language => new Figures(language, trans));

/** Bars of ranges that begin and end there; the outer ones are open where there is null. */
function ranges(...ends: (number | string | null)[]): IRange[] {
  return ends.slice(1).map((high, i) => ({
    ...{ label: 'as written by the server', stands_for: null },
    ...{ low: ends[i], high }
  }));
}
const values = (...ends: (number | string)[]) =>
  ends.map(end => ({ label: '', stands_for: null, low: end, high: end }));
const categories = (...labels: string[]) =>
  labels.map(label => ({ label, stands_for: null, low: null, high: null }));
const days = [1, 2, 3].map(day => `2013-05-0${day}T00:00:00Z`);

describe('edges', () => {
  it('are those of ranges that touch', () => {
    expect(edges(ranges(null, 10, 20, 30, null), english)).toEqual(['', '10', '20', '30', '']);
    expect(edges(ranges(-10, 0, 10), english)).toEqual(['-10', '0', '10']);
  });

  it('are written as the language has them', () => {
    expect(edges(ranges(0.25, 0.5, 0.75, null), german)).toEqual(['0,25', '0,5', '0,75', '']);
    expect(edges(ranges(2002, 2004, 2006), english)).toEqual(['2002', '2004', '2006']);
    expect(edges(ranges(10_000, 1_234_567.5, 2_000_000), german)).toEqual([
      '10.000',
      '1.234.567,5',
      '2.000.000'
    ]);
    expect(edges(ranges(...days), german)).toEqual(['01.05.2013', '02.05.2013', '03.05.2013']);
    const hours = ['2013-05-01T00:00:00Z', '2013-05-01T12:00:00Z', '2013-05-02T00:00:00Z'];
    expect(edges(ranges(...hours), german)?.[1]).toBe('01.05.2013, 12:00');
  });

  it('are none of categories and single values, or of ranges with something between', () => {
    expect(edges(categories('EWR', '10 to 20', '20 to 30'), english)).toBeNull();
    expect(edges(values(1, 2, 3), english)).toBeNull();
    expect(edges([...ranges(0, 10), ...ranges(20, 30)], english)).toBeNull();
    expect(edges([...ranges(0, 10, 20), ...categories('JFK')], english)).toBeNull();
    expect(edges([], english)).toBeNull();
  });
});

describe('names', () => {
  it('are the ranges in the language’s figures, and whatever a category is called', () => {
    expect(names(ranges(null, 1.5, 12_000, null), trans, german)).toEqual([
      'below 1,5',
      '1,5 to 12.000',
      '12.000 and more'
    ]);
    expect(names(categories('1.5', '10 to 20', 'all others'), trans, german)).toEqual([
      '1.5',
      '10 to 20',
      'all others'
    ]);
    expect(names(ranges(...days), trans, english)[0]).toBe('May 1, 2013 to May 2, 2013');
  });

  it('are in the page’s language where the label is no value of the data', () => {
    const told = { ...trans, __: (text: string) => `«${text}»` } as typeof trans;
    const [rest, empty] = [{ stands_for: 'rest' }, { stands_for: 'empty' }] as const;
    const bars = categories('all others', 'all others', '(empty text)', '(empty text)');
    const marked = [bars[0], { ...bars[1], ...rest }, bars[2], { ...bars[3], ...empty }];
    expect(names(marked, told, german)).toEqual([
      'all others',
      '«all others»',
      '(empty text)',
      '«(empty text)»'
    ]);
  });

  it('of values have as many digits as tell them apart', () => {
    expect(names(values(0.1, 1 / 3, 7), trans, german)).toEqual(['0,1', '0,333333', '7']);
    expect(names(values(1.0000001, 1.0000002), trans, english)).toEqual(['1.0000001', '1.0000002']);
  });
});

describe('shortened', () => {
  it('says that there is more', () => {
    expect([shortened('temperature', 8), shortened('temp', 8)]).toEqual(['tempera…', 'temp']);
  });
});
