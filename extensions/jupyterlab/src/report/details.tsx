import React from 'react';

import { Histogram } from '../charts/histogram';
import { ISeries, Lines } from '../charts/lines';
import { useVerdict, VerdictMark } from '../charts/mark';
import { ChartTable, DataTable } from '../charts/table';
import { IReading } from '../records';
import { useWords } from '../words';
import { IColumn, ITrendPoint } from './columns';
import { Facts } from './facts';
import { sentence } from './story';

/** Everything that is known of a column: its worst reading, all others, and how it went over the windows. */
export function Details({ column }: { column: IColumn }): JSX.Element {
  const full = column.readings.filter((reading, i) => i === 0 || reading.bars.length > 0);
  const others = column.readings.filter(reading => !full.includes(reading));
  return (
    <div className="rw-details">
      {full.map((reading, i) => (
        <Reading key={i} reading={reading} />
      ))}
      <Trend name={column.name} trend={column.trend} />
      {others.length > 0 && <Others name={column.name} readings={others} />}
    </div>
  );
}

/** What else was asked of a column, without histograms. */
function Others({ name, readings }: { name: string; readings: readonly IReading[] }): JSX.Element {
  const { trans, figures } = useWords();
  return (
    <div className="rw-others">
      <DataTable
        caption={trans.__('What else was asked of %1', name)}
        head={[
          trans.__('Measure'),
          trans.__('Verdict'),
          trans.__('What was found'),
          trans.__('Effect'),
          trans.__('Threshold'),
          trans.__('p, corrected'),
          trans.__('n reference'),
          trans.__('n window')
        ]}
        figuresFrom={3}
        rows={readings.map(reading => [
          reading.measure,
          <VerdictMark key="verdict" verdict={reading.verdict} />,
          sentence(reading.words),
          <>
            {figures.figure(reading.effect)}
            <span className="rw-ends">{figures.ends(reading.effect_low, reading.effect_high)}</span>
          </>,
          figures.figure(reading.threshold),
          figures.p(reading.adjusted_p),
          figures.count(reading.n_reference),
          figures.count(reading.n_window)
        ])}
      />
    </div>
  );
}

function Reading({ reading }: { reading: IReading }): JSX.Element {
  const { trans, figures } = useWords();
  const ends = figures.ends(reading.effect_low, reading.effect_high);
  const facts: [string, string][] = [
    [trans.__('Measure'), reading.measure],
    [trans.__('Effect'), `${figures.figure(reading.effect)}${ends && ` (${ends})`}`],
    [trans.__('Counts from'), figures.figure(reading.threshold)],
    [trans.__('p, corrected'), figures.p(reading.adjusted_p)],
    [trans.__('n of the reference'), worth(reading.n_reference, reading.effective_n_reference)],
    [trans.__('n of the window'), worth(reading.n_window, reading.effective_n)]
  ];
  if (reading.ranked_among > 0) {
    facts.push([
      trans.__('Ranked among'),
      trans.__('%1 stretches of the reference', figures.count(reading.ranked_among))
    ]);
  }
  if (reading.detectable !== null) {
    facts.push([trans.__('Would be found from'), figures.figure(reading.detectable, 2)]);
  }
  if (reading.importance !== null) {
    facts.push([trans.__('Importance to the model'), figures.figure(reading.importance, 2)]);
  }
  return (
    <section className="rw-reading">
      <div>
        <p className="rw-said">
          <VerdictMark verdict={reading.verdict} /> <span>{sentence(reading.words)}</span>
        </p>
        <Facts facts={facts} />
      </div>
      {reading.bars.length > 0 && <Histogram title={reading.column} bars={reading.bars} />}
    </section>
  );

  function worth(rows: number, effective: number | null): string {
    const alike = effective !== null && effective < 0.95 * rows;
    return alike
      ? trans.__('%1, worth %2', figures.count(rows), figures.count(Math.round(effective)))
      : figures.count(rows);
  }
}

function Trend({ name, trend }: { name: string; trend: readonly ITrendPoint[] }): JSX.Element | null {
  const { trans, figures } = useWords();
  const known = trend.flatMap(({ reading }, place) => (reading ? [{ reading, place }] : []));
  if (known.length < 2) {
    return null;
  }
  const series: ISeries = {
    name,
    ink: 0,
    points: known.map(({ reading, place }) => ({
      place,
      value: reading.effect,
      low: reading.effect_low,
      high: reading.effect_high,
      marked: reading.verdict === 'drift',
      hollow: reading.verdict === 'too little data'
    }))
  };
  const threshold = known[known.length - 1].reading.threshold;
  return (
    <figure className="rw-figure rw-trend">
      <figcaption>
        {trans.__(
          'Effect over the windows, oldest first; a triangle is drift, a hollow mark too little data.'
        )}
      </figcaption>
      <Lines
        label={trans.__('Effect of %1 over %2 windows. The table has the figures.', name, trend.length)}
        labels={trend.map(({ window }) => figures.shortWindow(window))}
        series={[series]}
        limit={{ value: threshold, name: trans.__('counts from here') }}
        floor={0}
      />
      <ChartTable
        caption={trans.__('Effect of %1 over the windows', name)}
        head={[
          trans.__('Window'),
          trans.__('Verdict'),
          trans.__('Effect'),
          trans.__('Interval'),
          trans.__('Counts from'),
          trans.__('n')
        ]}
        figuresFrom={2}
        rows={[...known]
          .reverse()
          .map(({ reading, place }) => [
            figures.window(trend[place].window),
            <VerdictMark key="verdict" verdict={reading.verdict} />,
            figures.figure(reading.effect),
            figures.ends(reading.effect_low, reading.effect_high) || '–',
            figures.figure(reading.threshold),
            figures.count(reading.n_window)
          ])}
      />
    </figure>
  );
}

/** In how many windows a column drifted, in words. */
export function useTrendWords(trend: readonly ITrendPoint[]): string {
  const { trans, figures } = useWords();
  const none = useVerdict('no drift');
  const known = trend.filter(({ reading }) => reading);
  const drifted = known.filter(({ reading }) => reading?.verdict === 'drift');
  if (!drifted.length) {
    return none;
  }
  const last = figures.shortWindow(drifted[drifted.length - 1].window);
  return trans._n('drift here', 'drift in %2 of %1 windows, last %3', known.length, drifted.length, last);
}
