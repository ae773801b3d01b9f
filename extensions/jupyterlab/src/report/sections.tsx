import React from 'react';

import { ISeries, Lines } from '../charts/lines';
import { Mark, SeverityMark, VerdictMark } from '../charts/mark';
import { ChartTable, DataTable, Id } from '../charts/table';
import { IAlert, IMetricReading, IPastWindow, IPerformance, IWindowReport } from '../records';
import { Moment, useWords } from '../words';
import { sentence } from './story';

interface IPerformanceSectionProps {
  told: IWindowReport;
  windows: readonly IPastWindow[];
}

/** How well the model answers: over the windows, and each figure of the told one. */
export function PerformanceSection({ told, windows }: IPerformanceSectionProps): JSX.Element | null {
  const { trans } = useWords();
  const judged = told.performance.find(one => one.version === told.reference) ?? told.performance[0];
  if (!judged) {
    return null;
  }
  const metric =
    judged.reference?.metric ?? Object.keys(judged.metrics)[0] ?? Object.keys(judged.estimated)[0];
  return (
    <section className="rw-part">
      <h2>{trans.__('How well the model answers')}</h2>
      {metric && windows.length > 1 && <PerformanceChart metric={metric} windows={windows} />}
      {told.performance.map(one => (
        <PerformanceTable key={one.version} performance={one} />
      ))}
    </section>
  );
}

function PerformanceChart({
  metric,
  windows
}: {
  metric: string;
  windows: readonly IPastWindow[];
}): JSX.Element | null {
  const { trans, figures } = useWords();
  const points = windows.flatMap((found, place) =>
    found.performance.map(one => ({
      place,
      version: one.version,
      realised: one.metrics[metric] ?? null,
      estimated: one.estimated[metric] ?? null
    }))
  );
  return (
    <VersionLines
      metric={metric}
      labels={windows.map(({ window }) => figures.shortWindow(window))}
      points={points}
      caption={trans.__('%1 over the windows', figures.metricName(metric))}
    />
  );
}

export interface IVersionPoint {
  place: number;
  version: string;
  realised: IMetricReading | null;
  estimated: IMetricReading | null;
}

interface IVersionLinesProps {
  metric: string;
  labels: string[];
  points: readonly IVersionPoint[];
  caption: string;
}

/** A metric of each version over the windows: realised and estimated, with intervals, and as a table. */
export function VersionLines({ metric, labels, points, caption }: IVersionLinesProps): JSX.Element | null {
  const { trans, figures } = useWords();
  const versions = [...new Set(points.map(point => point.version))];
  const series = versions.flatMap((version, ink) => [
    seriesOf(points, version, ink, 'estimated'),
    seriesOf(points, version, ink, 'realised')
  ]);
  const drawn = series.filter(one => one.points.length > 0);
  if (!drawn.length) {
    return null;
  }
  const value = (reading: IMetricReading | null) =>
    reading ? (
      <>
        {figures.metric(reading)} <span className="rw-ends">({figures.metricEnds(reading)})</span>
      </>
    ) : (
      '–'
    );
  return (
    <figure className="rw-figure">
      <figcaption className="rw-keys">
        {versions.map((version, ink) => (
          <Key key={version} ink={ink} label={version} />
        ))}
        {drawn.some(one => one.dashed) && (
          <Key ink={0} dashed label={trans.__('estimated before labels came')} />
        )}
      </figcaption>
      <Lines
        label={trans.__(
          '%1 over %2 windows. The table has the figures.',
          figures.metricName(metric),
          labels.length
        )}
        labels={labels}
        series={drawn}
      />
      <ChartTable
        caption={caption}
        head={[trans.__('Window'), trans.__('Version'), trans.__('Realised'), trans.__('Estimated')]}
        figuresFrom={2}
        rows={[...points]
          .reverse()
          .map(point => [
            labels[point.place],
            <Id key="version">{point.version}</Id>,
            value(point.realised),
            value(point.estimated)
          ])}
      />
    </figure>
  );
}

function seriesOf(
  points: readonly IVersionPoint[],
  version: string,
  ink: number,
  kind: 'realised' | 'estimated'
): ISeries {
  const known = points.filter(point => point.version === version && point[kind] !== null);
  return {
    name: version,
    ink,
    dashed: kind === 'estimated',
    points: known.map(point => {
      const { value, low, high } = point[kind] as IMetricReading;
      return { place: point.place, value, low, high };
    })
  };
}

function Key({ ink, dashed, label }: { ink: number; dashed?: boolean; label: string }): JSX.Element {
  const forms = [
    'M7 7a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
    'M7.5 3.5h7v7h-7z',
    'M11 2L16 11H6z',
    'M11 2L16 7L11 12L6 7z'
  ];
  return (
    <span>
      <svg
        width="22"
        height="14"
        aria-hidden="true"
        className="rw-series"
        data-ink={ink % 4}
        data-dashed={dashed}
      >
        <path className="rw-line" d="M0 7H22" />
        <path className="rw-dot" data-hollow={dashed} d={forms[ink % forms.length]} />
      </svg>
      {label}
    </span>
  );
}

function PerformanceTable({ performance }: { performance: IPerformance }): JSX.Element {
  const { trans, figures } = useWords();
  const names = [...new Set([...Object.keys(performance.metrics), ...Object.keys(performance.estimated)])];
  const release = performance.reference;
  const write = (reading: IMetricReading | null | undefined) =>
    reading ? (
      <>
        {figures.metric(reading)}
        <span className="rw-ends">{figures.metricEnds(reading)}</span>
      </>
    ) : (
      '–'
    );
  const remarks = [performance.label_words, performance.estimate_words, performance.concept?.words ?? ''];
  return (
    <>
      <h3>{performance.version}</h3>
      <p>
        {performance.fell ? (
          <Mark tone="bad">{trans.__('worse than at release, beyond doubt')}</Mark>
        ) : performance.fall !== null ? (
          <Mark tone="fine">{trans.__('no worse than is tolerated')}</Mark>
        ) : (
          <Mark tone="unknown">{trans.__('not known yet')}</Mark>
        )}
      </p>
      {names.length > 0 && (
        <DataTable
          caption={trans.__('Figures of %1 with 95 % intervals', performance.version)}
          head={[trans.__('Figure'), trans.__('As it came'), trans.__('Estimated'), trans.__('At release')]}
          rows={names.map(name => [
            figures.metricName(name),
            write(performance.metrics[name]),
            write(performance.estimated[name]),
            write(release?.metric === name ? release : null)
          ])}
        />
      )}
      {remarks.filter(Boolean).map((words, i) => (
        <p key={i} className="rw-muted">
          {sentence(words)}
        </p>
      ))}
    </>
  );
}

/** What features do together, and parts of the traffic. */
export function TogetherSection({ told }: { told: IWindowReport }): JSX.Element | null {
  const { trans, figures } = useWords();
  const pairs = told.associations.filter(pair => pair.verdict === 'drift').slice(0, 20);
  if (!told.separation && !pairs.length) {
    return null;
  }
  return (
    <section className="rw-part">
      <h2>{trans.__('What features do together')}</h2>
      {told.separation && (
        <p className="rw-said">
          <VerdictMark verdict={told.separation.verdict} /> <span>{sentence(told.separation.words)}</span>
        </p>
      )}
      {pairs.length > 0 && (
        <DataTable
          caption={trans.__('Pairs of features that go together otherwise than before, largest change first')}
          head={[
            trans.__('Pair'),
            trans.__('Measure'),
            trans.__('What changed'),
            trans.__('Before'),
            trans.__('Now')
          ]}
          figuresFrom={3}
          rows={pairs.map(pair => [
            figures.listed([pair.first, pair.second]),
            pair.measure,
            sentence(pair.words),
            figures.figure(pair.reference, 2),
            figures.figure(pair.window, 2)
          ])}
        />
      )}
    </section>
  );
}

export function SegmentSection({ told }: { told: IWindowReport }): JSX.Element | null {
  const { trans, figures } = useWords();
  if (!told.segments.length) {
    return null;
  }
  return (
    <section className="rw-part">
      <h2>{trans.__('Parts of the traffic')}</h2>
      <DataTable
        caption={trans.__('By the values of columns that the policy names')}
        head={[
          trans.__('Part'),
          trans.__('Verdict'),
          trans.__('What drifted'),
          trans.__('Rows'),
          trans.__('Labelled')
        ]}
        figuresFrom={3}
        rows={told.segments.map(part => [
          `${part.segment.column} ${part.segment.value ?? trans.__('other')}`,
          <VerdictMark key="verdict" verdict={part.verdict} />,
          part.drifted.length ? figures.listed(part.drifted) : '–',
          figures.count(part.rows),
          figures.count(part.labelled)
        ])}
      />
    </section>
  );
}

export function WindowSection({ windows }: { windows: readonly IPastWindow[] }): JSX.Element | null {
  const { trans, figures } = useWords();
  if (windows.length < 2) {
    return null;
  }
  return (
    <section className="rw-part">
      <h2>{trans.__('All windows, newest first')}</h2>
      <DataTable
        caption={trans.__('What each window said')}
        head={[
          trans.__('Window'),
          trans.__('Verdict'),
          trans.__('What drifted'),
          trans.__('Rows'),
          trans.__('Labelled')
        ]}
        figuresFrom={3}
        rows={[...windows]
          .reverse()
          .map(found => [
            figures.window(found.window),
            <VerdictMark key="verdict" verdict={found.verdict} />,
            found.drifted.length ? figures.listed(found.drifted) : '–',
            figures.count(found.rows),
            figures.count(found.labelled)
          ])}
      />
    </section>
  );
}

export function AlertSection({ alerts }: { alerts: readonly IAlert[] }): JSX.Element | null {
  const { trans } = useWords();
  if (!alerts.length) {
    return null;
  }
  return (
    <section className="rw-part">
      <h2>{trans.__('Open alerts')}</h2>
      <ul className="rw-entries">
        {alerts.map(alert => (
          <li key={alert.id}>
            <h3>
              <SeverityMark severity={alert.severity} /> {alert.title}
            </h3>
            <p>{alert.message}</p>
            <p className="rw-muted">
              {trans.__('For %1, since', alert.owner)} <Moment at={alert.since} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
