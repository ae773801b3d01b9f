import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ITranslator } from '@jupyterlab/translation';

import { onLabEvent } from '../events';
import { openFile } from '../pipeline/opening';
import { wordsOf } from '../words';
import { registerActs } from './commands';
import { productionIcon } from './icon';
import { ProductionModel } from './model';
import { ACTS, SHOW_PRODUCTION } from './names';
import { ProductionPanel } from './panel';

/** Production: what runs there, how it does, what may be done; never asked again but when something has happened. */
export const productionPlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:production',
  description: 'Shows production of a Roadworthy project, and lets it be changed.',
  autoStart: true,
  requires: [IDocumentManager],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    documents: IDocumentManager,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null
  ) => {
    const words = wordsOf(translator);
    const { trans } = words;
    const tracker = new WidgetTracker<MainAreaWidget<ProductionPanel>>({
      namespace: 'roadworthy-production'
    });
    const onOpen = (file: string, line: number | null) => void openFile(documents, file, line);
    const path = () => here(app, tracker, browser);
    const each = (project: string, act: (panel: ProductionPanel) => void) =>
      tracker.forEach(({ content }) => {
        if (content.model.production?.project.folder === project || content.model.path === project) {
          act(content);
        }
      });
    registerActs({
      app,
      words,
      path,
      done: (project, said) =>
        each(project, panel => {
          panel.announce(said);
          void panel.model.load();
        })
    });
    app.commands.addCommand(SHOW_PRODUCTION, {
      label: trans.__('Show Production'),
      caption: trans.__('What runs in production, how it does, and what may be done'),
      icon: productionIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { path: { type: 'string', description: trans.__('Any path in the project') } }
        }
      },
      execute: async args => {
        const asked = typeof args.path === 'string' ? args.path : path();
        const model = new ProductionModel(app.serviceManager.serverSettings, asked);
        await model.load();
        const folder = model.production?.project.folder;
        const known = tracker.find(
          ({ content }) => content.model.production?.project.folder === folder && !!folder
        );
        const widget =
          known ?? panelOf(new ProductionPanel(model, words, app.commands, onOpen), trans.__('Production'));
        if (known) {
          void known.content.model.load();
        } else {
          app.shell.add(widget, 'main');
          await tracker.add(widget);
        }
        app.shell.activateById(widget.id);
      }
    });
    onLabEvent(app.serviceManager.events, event => {
      if (event.kind !== 'job') {
        each(event.project, panel => void panel.model.load());
      }
    });
    for (const command of [SHOW_PRODUCTION, ...Object.values(ACTS)]) {
      palette?.addItem({ command, category: trans.__('Roadworthy') });
    }
    void restorer?.restore(tracker, {
      command: SHOW_PRODUCTION,
      args: ({ content }) => ({ path: content.model.path }),
      name: ({ content }) => content.model.path
    });
  }
};

function panelOf(content: ProductionPanel, label: string): MainAreaWidget<ProductionPanel> {
  const widget = new MainAreaWidget({ content });
  const name = content.model.production?.project.name;
  widget.id = `roadworthy-production:${content.model.path}`;
  widget.title.label = name ? `${label}: ${name}` : label;
  widget.title.caption = widget.title.label;
  widget.title.icon = productionIcon;
  widget.title.closable = true;
  return widget;
}

/** The path that the reader is at: production's own, the open document's, or the file browser's. */
function here(
  app: JupyterFrontEnd,
  tracker: WidgetTracker<MainAreaWidget<ProductionPanel>>,
  browser: IDefaultFileBrowser | null
): string {
  const current = app.shell.currentWidget;
  if (current instanceof MainAreaWidget && current.content instanceof ProductionPanel) {
    return current.content.model.path;
  }
  if (current instanceof DocumentWidget) {
    return current.context.path;
  }
  return browser?.model.path ?? tracker.currentWidget?.content.model.path ?? '';
}
