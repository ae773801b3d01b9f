import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { onLabEvent } from './events';
import { HOURS, MUTE } from './production/names';
import { ILabEvent } from './records';
import { OPEN_REPORT } from './report/open';
import { Told } from './told';
import { wordsOf } from './words';

const SECONDS: { [severity in ILabEvent['severity']]: number | false } = {
  info: 10,
  warning: 60,
  critical: false
};
const KINDS = ['alert', 'run', 'switch'];

/** Tells of alerts, ended runs and switches of the version as they happen. */
export const notificationPlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:notifications',
  description: 'Tells of alerts, ended runs and new versions in production of open Roadworthy projects.',
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const { trans } = wordsOf(translator);
    const told = new Told(window.localStorage);
    onLabEvent(app.serviceManager.events, event => {
      if (!KINDS.includes(event.kind) || !told.first(event)) {
        return;
      }
      const seconds = SECONDS[event.severity];
      const message = [event.title, event.message].filter(Boolean).join('\n');
      Notification.emit(message, typeOf(event), {
        autoClose: seconds === false ? false : seconds * 1000,
        actions: [
          ...(event.report
            ? [
                {
                  label: trans.__('Open report'),
                  callback: () => void app.commands.execute(OPEN_REPORT, { path: event.report })
                }
              ]
            : []),
          ...(event.alert !== null && event.severity !== 'info'
            ? [
                {
                  label: trans.__('Mute for %1 h', HOURS),
                  callback: () =>
                    void app.commands.execute(MUTE, {
                      path: event.project,
                      alert: event.alert,
                      title: event.title
                    })
                }
              ]
            : [])
        ]
      });
    });
  }
};

function typeOf(event: ILabEvent): Notification.TypeOptions {
  if (event.kind === 'run') {
    return event.state === 'failed' ? 'error' : event.state === 'done' ? 'success' : 'info';
  }
  return ({ info: 'info', warning: 'warning', critical: 'error' } as const)[event.severity];
}
