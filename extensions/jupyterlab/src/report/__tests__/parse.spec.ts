import { nullTranslator } from '@jupyterlab/translation';

import { ILabReport } from '../../records';
import { parse, parseAnswer, parseText } from '../parse';
import { Unreadable } from '../shapes';
import { found, reading } from './examples';

const trans = nullTranslator.load('roadworthy');
const may = found(5, [reading('temp')]);
const june = found(6, [reading('temp')], { verdict: 'too little data' });
const report = { format: 'roadworthy.report/1', project: 'late-flights', windows: [june, may] };

describe('parse', () => {
  it('tells the newest window with a verdict, windows oldest first', () => {
    const content = parse(report, trans);
    expect(content.told).toEqual(may);
    expect(content.windows).toEqual([may, june]);
  });

  it('reads one window', () => {
    expect(parseText(JSON.stringify(june), trans).told).toEqual(june);
  });

  it('reads one of before bars said what stands for the rest', () => {
    const bars = [{ label: 'all others', reference: 0.4, window: 0.6 }];
    const [former] = parse({ ...june, readings: [{ column: 'a', bars }] }, trans).told?.readings ?? [];
    expect(former.bars).toEqual([{ ...bars[0], stands_for: null, low: null, high: null }]);
    const marked = [{ ...bars[0], stands_for: 'rest', low: null, high: null }];
    const [now] = parse({ ...june, readings: [{ column: 'a', bars: marked }] }, trans).told?.readings ?? [];
    expect(now.bars).toEqual(marked);
  });

  it('keeps only alerts that are open', () => {
    const alerts = [
      { id: 1, title: 'a', resolved: null },
      { id: 2, title: 'b', resolved: '2013-06-01T00:00:00Z' }
    ];
    expect(parse({ ...report, alerts }, trans).alerts.map(alert => alert.id)).toEqual([1]);
  });

  it('makes of anything something that can be shown', () => {
    const odd = {
      ...june,
      rows: 'many',
      readings: [{ column: { a: 1 }, effect: null, verdict: 'odd', bars: 3 }],
      drifted: [null]
    };
    const told = parse(odd, trans).told;
    expect(told?.rows).toBeNaN();
    expect(told?.readings[0]).toMatchObject({
      column: '',
      effect: NaN,
      verdict: 'too little data',
      bars: []
    });
    expect(told?.drifted).toEqual(['']);
  });

  it.each([
    ['', /empty/],
    ['{"window": ', /not JSON/],
    ['[]', /no fields/],
    ['null', /no fields/],
    ['{}', /neither a format nor a window/],
    ['{"format": "roadworthy.report/9"}', /format roadworthy.report\/9/],
    [JSON.stringify({ ...june, window: { start: 'yesterday', end: null } }), /begins and ends/]
  ])('says of %j what is wrong and what to do', (written, words) => {
    let problem: unknown;
    try {
      parseText(written, trans);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Unreadable);
    expect((problem as Unreadable).message).toMatch(words);
    expect((problem as Unreadable).next).toMatch(/roadworthy/);
  });
});

describe('parseAnswer', () => {
  const answer: ILabReport = {
    path: 'a.drift.json',
    kind: 'window',
    report: june,
    former: [june, may],
    profile: [],
    rows: 0
  };

  it('puts the told window after those before it, once', () => {
    const { window, verdict, rows, readings } = may;
    const { column, effect, threshold, n_window } = readings[0];
    const before = { window, verdict, rows, readings: [{ column, effect, threshold, n_window }] };
    expect(parseAnswer(answer, trans)).toMatchObject({ told: june, windows: [before, june] });
  });

  it('reads profiles', () => {
    const profile = [{ name: 'temp' }] as ILabReport['profile'];
    expect(parseAnswer({ ...answer, kind: 'profile', profile }, trans)).toMatchObject([
      { name: 'temp', frequent: {} }
    ]);
  });
});
