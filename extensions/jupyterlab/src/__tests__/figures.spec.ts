import { nullTranslator } from '@jupyterlab/translation';

import { Figures } from '../figures';

const trans = nullTranslator.load('roadworthy');
const english = new Figures('en', trans);
const german = new Figures('de', trans);

describe('Figures', () => {
  it('writes as many digits as matter', () => {
    expect([71.06, 0.00012345, 1234567.8, 0, NaN].map(value => english.figure(value))).toEqual([
      '71.1',
      '0.000123',
      '1,234,568',
      '0',
      '–'
    ]);
  });

  it('writes as the language has it', () => {
    expect(german.figure(1234.5)).toBe('1.235');
    expect(german.percent(0.125)).toMatch(/^12,5\s%$/);
  });

  it('says of a small share that it is small, never that there is none', () => {
    expect([0.0001, 0, 0.5].map(share => english.percent(share))).toEqual(['under 0.1%', '0%', '50%']);
    expect([0.00001, 0.0412].map(p => english.p(p))).toEqual(['< 0.001', '0.041']);
  });

  it('names windows as a reader would, in UTC', () => {
    const month = { start: '2013-06-01T00:00:00Z', end: '2013-07-01T00:00:00Z' };
    const week = { start: '2013-05-06T00:00:00Z', end: '2013-05-13T00:00:00Z' };
    const hour = { start: '2013-05-06T08:00:00Z', end: '2013-05-06T09:00:00Z' };
    expect(english.window(month)).toBe('June 2013');
    expect(german.window(month)).toBe('Juni 2013');
    expect(english.window(week)).toBe('May 6, 2013 to May 12, 2013');
    expect(english.window(hour)).toContain('UTC');
    expect([month, week].map(window => english.shortWindow(window))).toEqual(['Jun 2013', 'May 6']);
  });

  it('writes lengths of time from milliseconds on', () => {
    expect([0.0123, 2.5, 300].map(value => english.seconds(value))).toEqual(['12.3 ms', '2.5 sec', '5 min']);
  });

  it('names metrics in the words and figures of the language', () => {
    const translated = {
      ...trans,
      __: (text: string, ...given: string[]) =>
        trans.__(text.replace('value per %1 cases', 'Wert je %1 Fälle'), ...given)
    } as typeof trans;
    const names = ['log_loss', 'value_per_1000', 'another'];
    expect(names.map(name => english.metricName(name))).toEqual([
      'log loss',
      'value per 1,000 cases',
      'another'
    ]);
    expect(new Figures('de', translated).metricName('value_per_1000')).toBe('Wert je 1.000 Fälle');
  });

  it('leaves names out when there are many, and says how many', () => {
    expect(english.listed(['a', 'b', 'c', 'd'], 2)).toBe('a, b, and 2 more');
  });
});
