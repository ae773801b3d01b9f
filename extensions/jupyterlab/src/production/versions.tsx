import React from 'react';

import { Mark } from '../charts/mark';
import { ILabProduction, ILabVersion, IMetricReading, IProductionAct } from '../records';
import { Moment, useWords } from '../words';
import { bare } from './acts';

export type OnAct = (act: IProductionAct) => void;

/** Champion and challenger side by side, and what may be done about them. */
export function Versions({ production, onAct }: { production: ILabProduction; onAct: OnAct }): JSX.Element {
  const { trans, figures } = useWords();
  const { champion, challenger } = production;
  const metrics = [
    ...new Set([champion, challenger].flatMap(version => Object.keys(version?.metrics ?? {})))
  ];
  const both: (ILabVersion | null)[] = [champion, challenger];
  const rows: [string, (version: ILabVersion) => React.ReactNode][] = [
    [trans.__('Since'), version => (version.since ? <Moment at={version.since} /> : '–')],
    [trans.__('Made'), version => <Moment at={version.created} />],
    [trans.__('Gate'), version => <Gate version={version} />],
    ...metrics.map((metric): [string, (version: ILabVersion) => React.ReactNode] => [
      figures.metricName(metric),
      version => <Metric reading={version.metrics[metric]} />
    ])
  ];
  return (
    <section className="rw-box rw-wide rw-half">
      <h2>{trans.__('Versions')}</h2>
      <div className="rw-scrolled" tabIndex={0} role="region" aria-label={trans.__('Versions')}>
        <table className="rw-figures rw-compared">
          <thead>
            <tr>
              <td />
              <th scope="col">
                {trans.__('Champion')}
                <Tag version={champion} none={trans.__('none: nothing is in production')} />
              </th>
              <th scope="col">
                {trans.__('Challenger')}
                <Tag version={challenger} none={trans.__('none at present')} />
              </th>
            </tr>
          </thead>
          <tbody>
            {both.some(Boolean) &&
              rows.map(([name, cell]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {both.map((version, i) => (
                    <td key={i}>{version ? cell(version) : '–'}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
      {metrics.length > 0 && (
        <p className="rw-muted">
          {trans.__('Metrics at release, with 95 % intervals; each version on test rows of its own.')}
        </p>
      )}
      <Acts production={production} onAct={onAct} />
    </section>
  );
}

function Tag({ version, none }: { version: ILabVersion | null; none: string }): JSX.Element {
  return version ? (
    <code className="rw-tag">{bare(version.version)}</code>
  ) : (
    <span className="rw-ends">{none}</span>
  );
}

function Metric({ reading }: { reading: IMetricReading | undefined }): JSX.Element {
  const { figures } = useWords();
  return reading ? (
    <>
      {figures.metric(reading)} <span className="rw-muted">({figures.metricEnds(reading)})</span>
    </>
  ) : (
    <>–</>
  );
}

function Gate({ version }: { version: ILabVersion }): JSX.Element {
  const { trans, figures } = useWords();
  const failed = version.gate.checks.filter(check => !check.passed);
  if (failed.length) {
    return (
      <>
        <Mark tone="bad">{trans.__('failed: %1', figures.listed(failed.map(check => check.name)))}</Mark>
        {failed.map(check => (
          <span key={check.name} className="rw-ends">
            {check.fact}
          </span>
        ))}
      </>
    );
  }
  const count = version.gate.checks.length;
  if (!count) {
    return <Mark tone="unknown">{trans.__('nothing was checked')}</Mark>;
  }
  return (
    <Mark tone="fine">{trans._n('%1 check passed', '%2 checks passed', count, figures.count(count))}</Mark>
  );
}

/** Buttons of what may be done; one that nobody may press says why. */
function Acts({ production, onAct }: { production: ILabProduction; onAct: OnAct }): JSX.Element {
  const { trans } = useWords();
  const promote = production.acts.find(one => one.act === 'promote');
  const back = production.acts.filter(one => one.act === 'rollback');
  const first = back.find(one => one.possible) ?? back[0];
  return (
    <div className="rw-acts">
      {promote && (
        <Act act={promote} may={production.may_act} onAct={onAct}>
          {trans.__('Promote…')}
        </Act>
      )}
      {first && (
        <Act act={first} may={production.may_act} onAct={onAct}>
          {trans.__('Roll back…')}
        </Act>
      )}
    </div>
  );
}

interface IActProps {
  act: IProductionAct;
  may: boolean;
  onAct: OnAct;
  children: string;
}

export function Act({ act, may, onAct, children }: IActProps): JSX.Element {
  const { trans } = useWords();
  const possible = act.possible && may;
  const why = may ? act.why_not : trans.__('You have no right to change production.');
  return (
    <div className="rw-act">
      <button
        type="button"
        className={
          act.act === 'reject' || act.act === 'rollback' ? 'rw-minor' : 'jp-mod-styled jp-mod-accept'
        }
        disabled={!possible}
        title={act.title}
        onClick={() => onAct(act)}
      >
        {children}
        <span className="rw-hidden"> {act.title}</span>
      </button>
      {!possible && why && <span className="rw-muted">{why}</span>}
    </div>
  );
}
