import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { IAlert, IDriftMark, ILabProduction, IProductionAct } from '../../records';
import { Speaking, wordsOf } from '../../words';
import { Alerts } from '../attention';
import { Drift } from '../drift';
import { PerformanceCard } from '../traffic';
import { Act } from '../versions';

const NASTY = '<img src=x onerror=alert(1)>';

function shown(drawn: JSX.Element): HTMLElement {
  const host = document.createElement('div');
  document.body.append(host);
  flushSync(() => createRoot(host).render(<Speaking words={wordsOf(null)}>{drawn}</Speaking>));
  return host;
}

function mark(day: number, more: Partial<IDriftMark> = {}): IDriftMark {
  const at = (plus: number) => new Date(Date.UTC(2013, 4, day + plus)).toISOString();
  const window = { start: at(0), end: at(1) };
  return {
    window,
    verdict: 'drift',
    drifted: ['temp'],
    rows: 10,
    open: false,
    report: `reports/${day}`,
    ...more
  };
}

describe('Drift', () => {
  const marks = [
    mark(1),
    mark(2, { verdict: 'no drift', drifted: [] }),
    mark(3, { report: null, drifted: [NASTY] })
  ];

  it('has a mark a window with words, one of which the tabulator reaches', () => {
    const buttons = [
      ...shown(<Drift marks={marks} onOpen={() => undefined} />).querySelectorAll('.rw-drift-mark')
    ];
    expect(buttons.map(button => button.getAttribute('aria-label'))).toEqual([
      'May 1, 2013: drift in temp. Open its report.',
      'May 2, 2013: no drift. Open its report.',
      `May 3, 2013: drift in ${NASTY}. Its report is not there.`
    ]);
    expect(buttons.map(button => button.getAttribute('tabindex'))).toEqual(['-1', '-1', '0']);
  });

  it('goes by arrows, and opens the report', () => {
    const opened: string[] = [];
    const host = shown(<Drift marks={marks} onOpen={report => opened.push(report)} />);
    const buttons = [...host.querySelectorAll<HTMLButtonElement>('.rw-drift-mark')];
    flushSync(() => buttons[2].focus());
    flushSync(() =>
      buttons[2].dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))
    );
    expect(document.activeElement).toBe(buttons[1]);
    buttons.forEach(button => button.click());
    expect(opened).toEqual(['reports/1', 'reports/2']);
    expect(host.querySelector('img')).toBeNull();
  });

  it('says that nothing has been judged', () => {
    expect(shown(<Drift marks={[]} onOpen={() => undefined} />).textContent).toContain(
      'No window of traffic'
    );
  });
});

describe('Act', () => {
  const act: IProductionAct = {
    act: 'promote',
    possible: false,
    why_not: 'There is no challenger.',
    version_from: null,
    version_to: null,
    decision: null,
    title: 'Promote the challenger',
    consequences: []
  };
  const drawn = (more: Partial<IProductionAct>, may: boolean) =>
    shown(
      <Act act={{ ...act, ...more }} may={may} onAct={() => undefined}>
        Promote…
      </Act>
    );

  it('cannot be pressed when it is not possible, and says why', () => {
    const host = drawn({}, true);
    expect(host.querySelector('button')?.disabled).toBe(true);
    expect(host.textContent).toContain('There is no challenger.');
  });

  it('cannot be pressed by whoever has no right to it, and says so', () => {
    const host = drawn({ possible: true, why_not: '' }, false);
    expect(host.querySelector('button')?.disabled).toBe(true);
    expect(host.textContent).toContain('You have no right to change production.');
  });
});

describe('Alerts', () => {
  it('shows what is said of them as text, and offers what has not been done yet', () => {
    const alert = {
      id: 1,
      title: NASTY,
      message: NASTY,
      owner: NASTY,
      severity: 'critical',
      since: '2013-06-01T00:00:00Z',
      count: 2,
      acknowledged: '2013-06-01T00:00:00Z',
      acknowledged_by: NASTY,
      note: NASTY,
      muted_until: null
    } as IAlert;
    const nothing = () => undefined;
    const drawn = (may: boolean) =>
      shown(<Alerts alerts={[alert]} may={may} now={new Date()} onAcknowledge={nothing} onMute={nothing} />);
    const host = drawn(true);
    expect(host.querySelectorAll('img')).toHaveLength(0);
    expect([...host.querySelectorAll('button')].map(button => button.textContent)).toEqual([
      `Mute for 24 h ${NASTY}`
    ]);
    expect(host.querySelector('button')?.disabled).toBe(false);
    const looking = drawn(false);
    expect(looking.querySelector('button')?.disabled).toBe(true);
    expect(looking.textContent).toContain('You have no right to acknowledge or mute them.');
  });
});

describe('PerformanceCard', () => {
  it('draws what came and what was estimated apart, by dashes, with a table of both', () => {
    const reading = (value: number) => ({
      metric: 'roc_auc',
      value,
      low: value - 0.01,
      high: value + 0.01,
      n: 900
    });
    const points = [1, 2].map(day => ({
      window: mark(day).window,
      version: 'f:a',
      metric: 'roc_auc',
      realised: day === 1 ? reading(0.7) : null,
      estimated: reading(0.72),
      estimate_trusted: true,
      labelled: 900,
      rows: 1000,
      fell: false
    }));
    const host = shown(<PerformanceCard production={{ performance: points } as unknown as ILabProduction} />);
    expect(host.querySelectorAll('svg.rw-lines .rw-series[data-dashed]')).toHaveLength(1);
    expect(host.querySelectorAll('svg.rw-lines .rw-series:not([data-dashed])')).toHaveLength(1);
    expect([...host.querySelectorAll('tbody tr')].map(row => row.textContent)).toEqual([
      'May 2a–0.720 (0.710 to 0.730)',
      'May 1a0.700 (0.690 to 0.710)0.720 (0.710 to 0.730)'
    ]);
  });
});
