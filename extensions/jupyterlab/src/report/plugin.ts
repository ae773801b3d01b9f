import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';

import { wordsOf } from '../words';
import { ReportFactory } from './document';
import { reportIcon } from './icon';
import { OPEN_REPORT } from './open';
import { ReportReader } from './reader';
import { ReportPage } from './widget';

const FACTORY = 'Roadworthy report';

/** Reports as documents: what a `.drift.json` or a `.profile.bin` says, by a double-click. */
export const reportPlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:reports',
  description: 'Opens reports and profiles of a Roadworthy project.',
  autoStart: true,
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const words = wordsOf(translator);
    const { trans } = words;
    const reader = new ReportReader(app.serviceManager.serverSettings, words);
    registerFiles(app, reader, trans.__('Report'), trans.__('Profile'));
    const tracker = new WidgetTracker<MainAreaWidget<ReportPage>>({ namespace: 'roadworthy-report' });
    app.commands.addCommand(OPEN_REPORT, {
      label: trans.__('Open Report'),
      caption: trans.__('Open the report of a window'),
      icon: reportIcon,
      isVisible: args => typeof args.path === 'string',
      describedBy: {
        args: {
          type: 'object',
          properties: {
            path: { type: 'string', description: trans.__('The report’s file below the server’s root') }
          },
          required: ['path']
        }
      },
      execute: async args => {
        const path = String(args.path);
        if (!isHidden(path)) {
          return app.commands.execute('docmanager:open', { path });
        }
        const known = tracker.find(widget => widget.id === idOf(path));
        const widget = known ?? pageOf(path, reader);
        if (!known) {
          app.shell.add(widget, 'main');
          await tracker.add(widget);
        }
        app.shell.activateById(widget.id);
        return widget;
      }
    });
    void restorer?.restore(tracker, {
      command: OPEN_REPORT,
      args: widget => ({ path: widget.title.dataset.path }),
      name: widget => widget.id
    });
  }
};

function registerFiles(app: JupyterFrontEnd, reader: ReportReader, report: string, profile: string): void {
  const files = [
    {
      name: 'roadworthy-report',
      displayName: report,
      extensions: ['.drift.json'],
      mimeTypes: ['application/json']
    },
    {
      name: 'roadworthy-profile',
      displayName: profile,
      extensions: ['.profile.bin'],
      mimeTypes: ['application/octet-stream']
    }
  ];
  for (const [i, file] of files.entries()) {
    const text = i === 0;
    app.docRegistry.addFileType({
      ...file,
      contentType: 'file',
      fileFormat: text ? 'text' : 'base64',
      icon: reportIcon
    });
    app.docRegistry.addWidgetFactory(
      new ReportFactory(
        {
          name: text ? FACTORY : `${FACTORY} (profile)`,
          label: text ? report : profile,
          modelName: text ? 'text' : 'base64',
          fileTypes: [file.name],
          defaultFor: [file.name],
          readOnly: true
        },
        reader,
        text
      )
    );
  }
}

/** A page for a report in a folder that JupyterLab itself does not show. */
function pageOf(path: string, reader: ReportReader): MainAreaWidget<ReportPage> {
  const content = reader.page(path);
  const widget = new MainAreaWidget({ content });
  widget.id = idOf(path);
  widget.title.label = PathExt.basename(path);
  widget.title.caption = path;
  widget.title.icon = reportIcon;
  widget.title.closable = true;
  widget.title.dataset = { path };
  void reader.read(path, content);
  return widget;
}

function idOf(path: string): string {
  return `roadworthy-report:${path}`;
}

function isHidden(path: string): boolean {
  return path.split('/').some(part => part.startsWith('.'));
}
