import React from 'react';

import { Mark } from '../charts/mark';
import { ChartTable, DataTable, Id } from '../charts/table';
import { IDeployment, ILabProduction, ITrafficPart } from '../records';
import { Facts } from '../report/facts';
import { sentence } from '../report/story';
import { VersionLines } from '../report/sections';
import { Moment, useWords } from '../words';
import { bare } from './acts';

/** Requests, errors and latency of each version: of late, and by window. */
export function Traffic({ production }: { production: ILabProduction }): JSX.Element {
  const { trans, figures } = useWords();
  const late = production.traffic.filter(part => part.window === null);
  const before = production.traffic.filter(part => part.window !== null);
  return (
    <section className="rw-box rw-wide rw-half">
      <h2>{trans.__('Traffic')}</h2>
      <Services deployments={production.deployments} />
      {late.map(part => (
        <Late key={part.version} part={part} />
      ))}
      {before.length > 0 && (
        <ChartTable
          caption={trans.__('Traffic by window, newest first')}
          head={[
            trans.__('Window'),
            trans.__('Version'),
            trans.__('Requests'),
            trans.__('Rows'),
            trans.__('Errors'),
            trans.__('p50'),
            trans.__('p99')
          ]}
          figuresFrom={2}
          rows={before.map(part => [
            part.window ? figures.window(part.window) : '',
            <Id key="version">{bare(part.version)}</Id>,
            figures.count(part.requests),
            figures.count(part.rows),
            figures.percent(part.error_rate),
            figures.seconds(part.p50),
            figures.seconds(part.p99)
          ])}
        />
      )}
    </section>
  );
}

function Late({ part }: { part: ITrafficPart }): JSX.Element {
  const { trans, figures } = useWords();
  const facts: [string, string][] = [
    [trans.__('Requests'), figures.count(part.requests)],
    [trans.__('Rows'), figures.count(part.rows)],
    [trans.__('Errors'), figures.percent(part.error_rate)],
    [trans.__('Latency, median'), figures.seconds(part.p50)],
    [trans.__('Latency, p99'), figures.seconds(part.p99)]
  ];
  return (
    <>
      <h3>{trans.__('The last ten minutes of %1', bare(part.version))}</h3>
      <Facts facts={facts} className="rw-tiles" />
    </>
  );
}

function Services({ deployments }: { deployments: readonly IDeployment[] }): JSX.Element {
  const { trans } = useWords();
  if (!deployments.length) {
    return (
      <p>
        <Mark tone="unknown">{trans.__('No service runs at present.')}</Mark>
      </p>
    );
  }
  return (
    <ul className="rw-entries rw-services">
      {deployments.map(one => (
        <li key={one.id}>
          <Mark tone={one.problem ? 'bad' : 'fine'}>
            {one.version
              ? trans.__('Process %1 answers with %2', one.pid, bare(one.version))
              : trans.__('Process %1 has no version loaded', one.pid)}
          </Mark>{' '}
          <span className="rw-muted">
            {trans.__('since')} <Moment at={one.since} />
          </span>
          {one.problem && <p>{sentence(one.problem)}</p>}
        </li>
      ))}
    </ul>
  );
}

/** Realised and estimated performance over the windows. */
export function PerformanceCard({ production }: { production: ILabProduction }): JSX.Element | null {
  const { trans, figures } = useWords();
  const points = production.performance;
  const windows = [...new Map(points.map(point => [point.window.start, point.window])).values()];
  const metric = points[0]?.metric;
  if (!metric) {
    return null;
  }
  const newest = points[points.length - 1];
  return (
    <section className="rw-box rw-wide rw-half">
      <h2>{trans.__('Performance over the windows: %1', figures.metricName(metric))}</h2>
      {newest.fell && (
        <p>
          <Mark tone="bad">{trans.__('Worse than at release, beyond doubt, in the newest window')}</Mark>
        </p>
      )}
      <VersionLines
        metric={metric}
        labels={windows.map(window => figures.shortWindow(window))}
        points={points.map(point => ({
          place: windows.findIndex(window => window.start === point.window.start),
          version: bare(point.version),
          realised: point.realised,
          estimated: point.estimated
        }))}
        caption={trans.__('%1 over the windows', figures.metricName(metric))}
      />
    </section>
  );
}

/** What is under way: a rollout, retrainings. */
export function UnderWay({ production }: { production: ILabProduction }): JSX.Element | null {
  const { trans, figures } = useWords();
  const { rollout, retrainings } = production;
  if (!rollout && !retrainings.length) {
    return null;
  }
  return (
    <section className="rw-box rw-wide">
      <h2>{trans.__('Under way')}</h2>
      {rollout && (
        <>
          <p>
            <Mark tone="changed">
              {rollout.mode === 'shadow'
                ? trans.__('%1 answers beside %2, unseen', bare(rollout.challenger), bare(rollout.champion))
                : trans.__(
                    '%1 answers %2 of the requests of %3',
                    bare(rollout.challenger),
                    figures.percent(rollout.steps[rollout.step]),
                    bare(rollout.champion)
                  )}
            </Mark>
          </p>
          {rollout.evidence.length > 0 && (
            <DataTable
              caption={trans.__('What was found of its bounds')}
              head={[trans.__('Bound'), trans.__('What was found'), trans.__('Value'), trans.__('Limit')]}
              figuresFrom={2}
              rows={rollout.evidence.map(one => [
                one.bound,
                sentence(one.words),
                figures.figure(one.value),
                figures.figure(one.limit)
              ])}
            />
          )}
        </>
      )}
      {retrainings.map(one => (
        <p key={one.id}>
          <Mark tone={one.failed ? 'bad' : 'changed'}>
            {trans.__('Retraining for %1, at the step %2', figures.window(one.window), one.step)}
          </Mark>{' '}
          {sentence(one.outcome || one.reason)}
        </p>
      ))}
    </section>
  );
}

export function History({ production }: { production: ILabProduction }): JSX.Element {
  const { trans } = useWords();
  const acts: { [action in ILabProduction['history'][number]['action']]: string } = {
    release: trans.__('Release'),
    nominate: trans.__('Nominate'),
    promote: trans.__('Promote'),
    rollback: trans.__('Roll back'),
    refuse: trans.__('Refuse'),
    retrain: trans.__('Retrain'),
    approve: trans.__('Approve'),
    reject: trans.__('Reject'),
    rollout: trans.__('Roll out'),
    abort: trans.__('Abort')
  };
  return (
    <section className="rw-box rw-wide">
      <h2>{trans.__('History')}</h2>
      {production.history.length === 0 ? (
        <p className="rw-muted">{trans.__('Nothing has been done yet.')}</p>
      ) : (
        <DataTable
          caption={trans.__('Acts on production, newest first')}
          head={[
            trans.__('When'),
            trans.__('Act'),
            trans.__('From'),
            trans.__('To'),
            trans.__('Who'),
            trans.__('Reason')
          ]}
          figuresFrom={6}
          rows={production.history.map(entry => [
            <Moment key="at" at={entry.at} />,
            `${acts[entry.action] ?? entry.action}${entry.forced ? ` (${trans.__('forced')})` : ''}`,
            <Id key="from">{entry.version_from ? bare(entry.version_from) : '–'}</Id>,
            <Id key="to">{entry.version_to ? bare(entry.version_to) : '–'}</Id>,
            entry.who,
            entry.reason || '–'
          ])}
        />
      )}
    </section>
  );
}
