import { IReading, IWindowReport } from '../../records';

/** A reading with the fields that a test does not care about. */
export function reading(column: string, more: Partial<IReading> = {}): IReading {
  return {
    column,
    kind: 'feature',
    measure: 'Kolmogorov-Smirnov',
    statistic: 0.3,
    effect: 0.3,
    effect_low: 0.25,
    effect_high: 0.35,
    threshold: 0.03,
    p_value: 1e-9,
    adjusted_p: 2e-9,
    level: 0.05,
    n_reference: 10_000,
    n_window: 2000,
    effective_n_reference: null,
    effective_n: null,
    detectable: null,
    ranked_among: 0,
    importance: null,
    verdict: 'drift',
    words: `${column} is higher`,
    bars: [
      { label: '0 to 10', stands_for: null, low: 0, high: 10, reference: 0.4, window: 0.1 },
      { label: '10 to 20', stands_for: null, low: 10, high: 20, reference: 0.6, window: 0.9 }
    ],
    ...more
  };
}

export function found(month: number, readings: IReading[], more: Partial<IWindowReport> = {}): IWindowReport {
  const drifted = readings.filter(one => one.verdict === 'drift').map(one => one.column);
  return {
    window: {
      start: new Date(Date.UTC(2013, month - 1)).toISOString(),
      end: new Date(Date.UTC(2013, month)).toISOString()
    },
    project: 'late-flights',
    rows: 2000,
    labelled: 1900,
    open: false,
    versions: { 'late-flights:a': 2000 },
    reference: 'late-flights:a',
    readings,
    performance: [],
    verdict: drifted.length ? 'drift' : 'no drift',
    drifted,
    expected_false_alarms: 0.05,
    baseline: null,
    slices: [],
    served: [],
    segments: [],
    separation: null,
    associations: [],
    made: '2013-08-01T00:00:00Z',
    ...more
  };
}
