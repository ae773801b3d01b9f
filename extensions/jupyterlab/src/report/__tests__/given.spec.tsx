import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { wordsOf } from '../../words';
import { toPage } from '../export';
import { GivenReport } from '../given';
import { parse } from '../parse';
import { found, reading } from './examples';

const NASTY = '<img src=x onerror=alert(1)>';
const words = wordsOf(null);

function shown(given: unknown): HTMLElement {
  const host = document.createElement('div');
  document.body.append(host);
  flushSync(() =>
    createRoot(host).render(<GivenReport given={given} words={words} onExport={() => undefined} />)
  );
  return host;
}

function press(host: HTMLElement, selector: string): void {
  flushSync(() => host.querySelector<HTMLElement>(selector)?.click());
}

const names = (host: HTMLElement) => [...host.querySelectorAll('.rw-opener')].map(one => one.textContent);
const two = found(6, [reading('dewp', { verdict: 'no drift', effect: 0.01 }), reading('temp')]);

describe('GivenReport', () => {
  it('opens the worst column from the beginning, and another when it is pressed', () => {
    const host = shown(two);
    expect(host.querySelector('h1')?.textContent).toBe('June 2013');
    expect(names(host)).toEqual(['temp', 'dewp']);
    expect(host.querySelectorAll('.rw-details')).toHaveLength(1);
    press(host, 'tr[data-verdict="no drift"] .rw-opener');
    expect(host.querySelectorAll('.rw-details')).toHaveLength(2);
  });

  it('sorts when a head is pressed, and leaves out what did not drift', () => {
    const host = shown(two);
    press(host, '.rw-columns th:nth-child(2) .rw-sort');
    expect(names(host)).toEqual(['dewp', 'temp']);
    expect(host.querySelector('th[aria-sort]')?.textContent).toContain('Column');
    press(host, 'input[type=checkbox]');
    expect(names(host)).toEqual(['temp']);
    expect(host.querySelector('[role=status]')?.textContent).toBe('1 of 2 columns');
  });

  it('tells among how many stretches of the reference a column was ranked', () => {
    expect(shown(two).textContent).not.toContain('Ranked among');
    const host = shown(found(6, [reading('temp', { ranked_among: 91 })]));
    expect(host.textContent).toContain('Ranked among91 stretches of the reference');
  });

  it('shows names as text, whatever they hold', () => {
    const bars = [{ label: NASTY, stands_for: null, low: null, high: null, reference: 0.4, window: 0.6 }];
    const segment = { column: NASTY, value: NASTY };
    const part = {
      segment,
      rows: 1,
      labelled: 1,
      baseline_rows: 1,
      readings: [],
      performance: [],
      drifted: [],
      verdict: 'drift'
    };
    const host = shown({
      ...found(6, [reading(NASTY, { bars, measure: NASTY })]),
      project: NASTY,
      reference: NASTY,
      segments: [part]
    });
    expect(names(host)).toEqual([NASTY]);
    expect(host.textContent?.split(NASTY).length).toBeGreaterThan(5);
    expect(host.querySelectorAll('img, script, iframe')).toHaveLength(0);
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [3],
    [{ format: 'roadworthy.report/2' }],
    [{ window: {}, readings: [] }]
  ])('says of %j that it cannot be shown, and what to do', given => {
    expect(shown(given).querySelector('.rw-problem p:last-child')?.textContent).toMatch(/roadworthy/);
  });

  it('shows a report in which no window was judged', () => {
    const host = shown({ format: 'roadworthy.report/1', project: 'late-flights', windows: [] });
    expect(host.textContent).toContain('No window of traffic has been judged yet.');
  });

  it('has a table for every chart', () => {
    const host = shown({
      format: 'roadworthy.report/1',
      project: 'a',
      windows: [found(5, [reading('temp')]), two]
    });
    const charts = host.querySelectorAll('svg[role=img]');
    expect(charts.length).toBeGreaterThan(1);
    charts.forEach(chart => expect(chart.closest('figure')?.querySelector('table')).not.toBeNull());
  });
});

describe('toPage', () => {
  it('is a page without script in which everything is opened and data is text', () => {
    const page = toPage(
      parse({ ...two, project: NASTY, readings: [reading(NASTY), reading('dewp')] }, words.trans),
      words
    );
    const read = new DOMParser().parseFromString(page, 'text/html');
    expect(page).toMatch(/^<!doctype html>/);
    expect(read.querySelectorAll('.rw-details')).toHaveLength(2);
    expect(read.querySelectorAll('img, script, button, input, link')).toHaveLength(0);
    expect(read.title).toContain(NASTY);
  });
});
