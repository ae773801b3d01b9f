import { IProfileColumn } from '../../records';
import { wordsOf } from '../../words';
import { profileToPage } from '../export';

const NASTY = '<img src=x onerror=alert(1)>';

function column(name: string, more: Partial<IProfileColumn> = {}): IProfileColumn {
  return {
    name,
    kind: 'number',
    rows: 1200,
    missing: 12,
    distinct: 40,
    mean: 71.5,
    sd: 9,
    quantiles: { '0.5': 71 },
    frequent: {},
    bars: [],
    ...more
  };
}

describe('profileToPage', () => {
  it('is a page without script in which every column is opened and data is text', () => {
    const columns = [
      column('temp'),
      column(NASTY, {
        kind: 'text',
        frequent: { [NASTY]: 7 },
        bars: [{ label: NASTY, stands_for: null, low: null, high: null, share: 1 }]
      })
    ];
    const page = profileToPage(`${NASTY}.profile.bin`, columns, wordsOf(null));
    const read = new DOMParser().parseFromString(page, 'text/html');
    expect(page).toMatch(/^<!doctype html>/);
    expect(read.querySelectorAll('.rw-details')).toHaveLength(2);
    expect(read.querySelector('svg[role=img]')).not.toBeNull();
    expect(read.querySelectorAll('img, script, button, input, link')).toHaveLength(0);
    expect(read.querySelector('h1')?.textContent).toBe(`${NASTY}.profile.bin`);
    expect(read.title).toBe(`${NASTY}.profile.bin`);
  });

  it('writes moments as such, as long as a calendar has them', () => {
    const time = { kind: 'time', sd: 7200, quantiles: { '0': 1_357_034_400, '1': 1e15 } } as const;
    const page = profileToPage('a', [column('made', { ...time, mean: 1_357_034_400 })], wordsOf(null));
    const read = new DOMParser().parseFromString(page, 'text/html');
    const row = [...read.querySelectorAll('.rw-columns > tbody > tr:first-child > td')];
    expect(row.slice(-2).map(one => one.textContent)).toEqual([
      expect.stringMatching(/^Jan 1, 2013, 10:00\sAM$/),
      '2 hr'
    ]);
    expect(read.querySelector('.rw-details table')?.textContent).toContain('1,000,000,000,000,000');
  });
});
