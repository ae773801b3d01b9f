import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import React from 'react';

import { IAlert, IProductionAct } from '../records';
import { Failure, Problems } from '../pipeline/problems';
import { Boundary, Problem } from '../report/content';
import { RequestError } from '../request';
import { OPEN_REPORT } from '../report/open';
import { IWords, useWords } from '../words';
import { Alerts, Questions } from './attention';
import { Drift } from './drift';
import { ProductionModel } from './model';
import { ACKNOWLEDGE, ACTS, MUTE } from './names';
import { History, PerformanceCard, Traffic, UnderWay } from './traffic';
import { Versions } from './versions';

/** What runs in production, how it does, and what may be done. */
export class ProductionPanel extends ReactWidget {
  constructor(
    readonly model: ProductionModel,
    private readonly words: IWords,
    private readonly commands: CommandRegistry,
    private readonly onOpen: (file: string, line: number | null) => void
  ) {
    super();
    this.addClass('rw-report');
    this.addClass('rw-sheet');
    this.addClass('rw-production');
  }

  /** Say what was done, for whoever cannot see that something has changed. */
  announce(said: string): void {
    this.said = said;
    this.update();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.model.load(); // traffic goes on unheard while nobody looks
  }

  protected override render(): JSX.Element {
    return (
      <Boundary words={this.words}>
        <UseSignal signal={this.model.changed}>
          {() => (
            <Production model={this.model} said={this.said} commands={this.commands} onOpen={this.onOpen} />
          )}
        </UseSignal>
      </Boundary>
    );
  }

  private said = '';
}

interface IProductionProps {
  model: ProductionModel;
  said: string;
  commands: CommandRegistry;
  onOpen: (file: string, line: number | null) => void;
}

function Production({ model, said, commands, onOpen }: IProductionProps): JSX.Element {
  const { trans } = useWords();
  const { production, error, asked, path } = model;
  const read = (production?.acts.length ?? 0) > 0; // something may or may not be done wherever it could be read
  const run = (command: string, args: { [name: string]: string | number | null }) =>
    void commands.execute(command, args);
  const onAct = (act: IProductionAct) =>
    run(ACTS[act.act], {
      path,
      // which of several former champions is asked in the command
      ...(act.decision ? { decision: act.decision } : {})
    });
  const onAlert = (command: string) => (alert: IAlert) =>
    run(command, { path, alert: alert.id, title: alert.title });
  return (
    <>
      <p className="rw-hidden" role="status">
        {said}
      </p>
      {error instanceof RequestError ? (
        <Failure error={error} onOpen={onOpen} />
      ) : (
        error !== null && <Problem error={error} />
      )}
      {!production && error === null && <p>{trans.__('Asking how production does…')}</p>}
      {production && !production.project.found && (
        <>
          <h1>{trans.__('Production')}</h1>
          <p>{trans.__('There is no Roadworthy project here.')}</p>
          <p className="rw-muted">
            {trans.__(
              'Open a file of a project, or go to its folder in the file browser; then show production again.'
            )}
          </p>
        </>
      )}
      {production?.project.found && (
        <>
          <div className="rw-heading">
            <div>
              <h1>{trans.__('%1 in production', production.project.name)}</h1>
              <p className="rw-muted">{production.problem}</p>
            </div>
            {asked && <Asked at={asked} onRefresh={() => void model.load()} />}
          </div>
          <Problems project={production.project} onOpen={onOpen} />
          {read ? (
            <div className="rw-boxes">
              <Questions production={production} onAct={onAct} />
              <Alerts
                alerts={production.alerts}
                may={production.may_act}
                now={asked ?? new Date()}
                onAcknowledge={onAlert(ACKNOWLEDGE)}
                onMute={onAlert(MUTE)}
              />
              <Versions production={production} onAct={onAct} />
              <Drift marks={production.drift} onOpen={report => run(OPEN_REPORT, { path: report })} />
              <PerformanceCard production={production} />
              <Traffic production={production} />
              <UnderWay production={production} />
              <History production={production} />
            </div>
          ) : (
            <p>{trans.__('How production does cannot be read until this is mended.')}</p>
          )}
        </>
      )}
    </>
  );
}

function Asked({ at, onRefresh }: { at: Date; onRefresh: () => void }): JSX.Element {
  const { trans, figures } = useWords();
  return (
    <div className="rw-asked">
      <span className="rw-muted">{trans.__('As of %1', figures.moment(at.toISOString()))}</span>
      <button type="button" className="rw-minor" onClick={onRefresh}>
        {trans.__('Refresh')}
      </button>
    </div>
  );
}
