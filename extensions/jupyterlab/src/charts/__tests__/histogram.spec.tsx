import { nullTranslator } from '@jupyterlab/translation';
import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { Figures } from '../../figures';
import { Speaking } from '../../words';
import { Histogram, IPair } from '../histogram';

const trans = nullTranslator.load('roadworthy');

function shown(bars: IPair[], language: string): HTMLElement {
  const host = document.createElement('div');
  const words = { trans, figures: new Figures(language, trans) };
  flushSync(() =>
    createRoot(host).render(
      <Speaking words={words}>
        <Histogram title="seconds" bars={bars} />
      </Speaking>
    )
  );
  return host;
}

/** Bars of equal ranges whose labels are written in English, as the server writes them. */
function ranges(from: number, step: number, count: number): IPair[] {
  return Array.from({ length: count }, (_, i) => {
    const [low, high] = [from + i * step, from + (i + 1) * step];
    return { label: `${low} to ${high}`, stands_for: null, low, high, reference: null, window: 1 / count };
  });
}

describe('Histogram', () => {
  it('writes its ranges as the language has them, below the axis and in the table', () => {
    const host = shown(ranges(12_000, 0.5, 3), 'de');
    const ticks = [...host.querySelectorAll('.rw-tick')].map(one => one.textContent);
    expect(ticks).toEqual(expect.arrayContaining(['12.000', '12.001']));
    expect([...host.querySelectorAll('tbody th')].map(one => one.textContent)).toEqual([
      '12.000 to 12.000,5',
      '12.000,5 to 12.001',
      '12.001 to 12.001,5'
    ]);
  });

  it('has room for the longest labels: none lies outside, none over another', () => {
    const host = shown(ranges(428_090_000, 10_000, 10), 'en');
    const ticks = [...host.querySelectorAll('.rw-tick[text-anchor=middle]')];
    const ends = ticks.map(one => {
      const half = (one.textContent?.length ?? 0) * 3.1;
      return [Number(one.getAttribute('x')) - half, Number(one.getAttribute('x')) + half];
    });
    expect(ends.length).toBeGreaterThan(3);
    ends.forEach(([left, right], i) => {
      expect(left).toBeGreaterThanOrEqual(i === 0 ? 0 : ends[i - 1][1]);
      expect(right).toBeLessThanOrEqual(520);
    });
  });
});
