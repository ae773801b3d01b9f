import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { onLabEvent } from './events';
import { HOURS, MUTE } from './production/names';
import { ILabEvent } from './records';
import { OPEN_REPORT } from './report/open';
import { Told } from './told';
import { IWords, wordsOf } from './words';

const KINDS = ['alert', 'run', 'switch'];
const MILLISECONDS: { [severity in ILabEvent['severity']]: number | false } = {
  info: 10_000,
  warning: 60_000,
  critical: false // until it is closed
};

/** Tells of alerts, ended runs and switches of the version as they happen. */
export const notificationPlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:notifications',
  description: 'Tells of alerts, ended runs and new versions in production of open Roadworthy projects.',
  autoStart: true,
  optional: [ITranslator, ISettingRegistry],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, registry: ISettingRegistry | null) => {
    const words = wordsOf(translator);
    const told = new Told(window.sessionStorage);
    let settings: ISettingRegistry.ISettings | null = null;
    registry?.load(notificationPlugin.id).then(
      loaded => (settings = loaded),
      () => undefined // then all is told
    );
    onLabEvent(app.serviceManager.events, event => {
      const wanted = KINDS.includes(event.kind) && settings?.get(event.kind).composite !== false;
      if (wanted && told.first(event)) {
        tell(event, app.commands, words);
      }
    });
  }
};

function tell(event: ILabEvent, commands: CommandRegistry, { trans }: IWords): void {
  const { alert, project, report, severity, title, message } = event;
  const actions: Notification.IAction[] = [];
  if (report) {
    actions.push({
      label: trans.__('Open report'),
      callback: () => void commands.execute(OPEN_REPORT, { path: report })
    });
  }
  if (alert !== null && severity !== 'info') {
    actions.push({
      label: trans.__('Mute for %1 h', HOURS),
      callback: () => void commands.execute(MUTE, { path: project, alert, title })
    });
  }
  const said = [title, message].filter(Boolean).join('\n');
  Notification.emit(said, typeOf(event), { autoClose: MILLISECONDS[severity], actions });
}

function typeOf({ kind, severity }: ILabEvent): Notification.TypeOptions {
  if (kind === 'run') {
    return severity === 'info' ? 'success' : 'error';
  }
  return ({ info: 'info', warning: 'warning', critical: 'error' } as const)[severity];
}
