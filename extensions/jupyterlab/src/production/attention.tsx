import React from 'react';

import { Mark, SeverityMark } from '../charts/mark';
import { IAlert, ILabProduction } from '../records';
import { sentence } from '../report/story';
import { Moment, useWords } from '../words';
import { HOURS } from './names';
import { Act, OnAct } from './versions';

/** What waits for a person: questions that monitoring asks. */
export function Questions({
  production,
  onAct
}: {
  production: ILabProduction;
  onAct: OnAct;
}): JSX.Element | null {
  const { trans, figures } = useWords();
  if (!production.questions.length) {
    return null;
  }
  return (
    <section className="rw-box rw-wide rw-asks">
      <h2>{trans.__('Somebody has to decide')}</h2>
      <ul className="rw-entries">
        {production.questions.map(question => {
          const acts = production.acts.filter(one => one.decision === question.id);
          const asks = {
            retrain: trans.__('Retrain?'),
            promote: trans.__('Promote %1?', question.target ?? ''),
            rollback: trans.__('Go back to %1?', question.target ?? '')
          };
          return (
            <li key={question.id}>
              <h3>
                <Mark tone="changed">{asks[question.asks_for ?? 'retrain']}</Mark>
              </h3>
              <p>{sentence(question.reason)}</p>
              <p className="rw-muted">
                {trans.__('For %1, asked', figures.window(question.window))} <Moment at={question.at} />
              </p>
              <div className="rw-acts">
                {acts.map(act => (
                  <Act key={act.act} act={act} may={production.may_act} onAct={onAct}>
                    {act.act === 'approve' ? trans.__('Approve…') : trans.__('Reject…')}
                  </Act>
                ))}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface IAlertsProps {
  alerts: readonly IAlert[];
  /** whoever looks has the right to change production */
  may: boolean;
  now: Date;
  onAcknowledge: (alert: IAlert) => void;
  onMute: (alert: IAlert) => void;
}

export function Alerts({ alerts, may, now, onAcknowledge, onMute }: IAlertsProps): JSX.Element {
  const { trans } = useWords();
  return (
    <section className="rw-box rw-wide rw-half">
      <h2>{trans.__('Open alerts')}</h2>
      {alerts.length === 0 && (
        <p>
          <Mark tone="fine">{trans.__('None: nobody has to look at anything.')}</Mark>
        </p>
      )}
      {alerts.length > 0 && !may && (
        <p className="rw-muted">{trans.__('You have no right to acknowledge or mute them.')}</p>
      )}
      <ul className="rw-entries">
        {alerts.map(alert => (
          <Alert key={alert.id} {...{ alert, may, now, onAcknowledge, onMute }} />
        ))}
      </ul>
    </section>
  );
}

function Alert({
  alert,
  may,
  now,
  onAcknowledge,
  onMute
}: Omit<IAlertsProps, 'alerts'> & { alert: IAlert }): JSX.Element {
  const { trans, figures } = useWords();
  const muted = alert.muted_until !== null && new Date(alert.muted_until) > now;
  return (
    <li className="rw-alert">
      <div>
        <h3>
          <SeverityMark severity={alert.severity} /> {alert.title}
        </h3>
        <p>{alert.message}</p>
        <p className="rw-muted">
          {trans.__('For %1', alert.owner)} · {trans.__('since')} <Moment at={alert.since} /> ·{' '}
          {trans._n('found once', 'found %2 times', alert.count, figures.count(alert.count))}
          {!alert.delivered && ` · ${trans.__('not delivered yet')}`}
        </p>
        {alert.acknowledged && (
          <p className="rw-muted">
            {trans.__('Acknowledged by %1,', alert.acknowledged_by)} <Moment at={alert.acknowledged} />
            {alert.note && `: ${alert.note}`}
          </p>
        )}
        {muted && alert.muted_until && (
          <p className="rw-muted">
            {trans.__('Muted by %1 until', alert.muted_by)} <Moment at={alert.muted_until} />
          </p>
        )}
      </div>
      <div className="rw-acts">
        {!alert.acknowledged && (
          <button type="button" className="rw-minor" disabled={!may} onClick={() => onAcknowledge(alert)}>
            {trans.__('Acknowledge…')}
            <span className="rw-hidden"> {alert.title}</span>
          </button>
        )}
        {!muted && (
          <button type="button" className="rw-minor" disabled={!may} onClick={() => onMute(alert)}>
            {trans.__('Mute for %1 h', HOURS)}
            <span className="rw-hidden"> {alert.title}</span>
          </button>
        )}
      </div>
    </li>
  );
}
