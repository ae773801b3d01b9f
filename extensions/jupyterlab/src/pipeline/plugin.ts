import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentRegistry } from '@jupyterlab/docregistry';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { onLabEvent } from '../events';
import { Locale } from '../locale';
import { IPage } from '../page';
import { Actions } from './actions';
import { addCommands, COMMANDS } from './commands';
import { PipelineModel } from './model';
import { TaskPanel } from './panel';
import { addRunMenu } from './runmenu';
import { StatusItem } from './statusbar';

/** How the open notebook stands as a task, its runs, and the pipeline as a picture. */
export const pipelinePlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:pipeline',
  description:
    'How the open notebook stands as a task of the pipeline, its runs, and the pipeline as a picture.',
  autoStart: true,
  requires: [INotebookTracker, IDocumentManager],
  optional: [ICommandPalette, ILayoutRestorer, IStatusBar, ITranslator, IToolbarWidgetRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    documents: IDocumentManager,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null,
    given: ITranslator | null,
    toolbars: IToolbarWidgetRegistry | null
  ): void => {
    const translator = given ?? nullTranslator;
    const page: IPage = { trans: translator.load('roadworthy'), locale: Locale.of(translator) };
    const model = new PipelineModel(app.serviceManager.serverSettings);
    const act = new Actions(app, documents, notebooks, model, page);
    addCommands(app, model, act, page.trans, palette);
    if (toolbars) {
      const ways = [COMMANDS.runTask, COMMANDS.runTaskWithNeeds, COMMANDS.runStale];
      addRunMenu(toolbars, app.commands, ways, model, page.trans);
    }

    const panel = new TaskPanel(model, page, act, notebooks);
    app.shell.add(panel, 'right', { rank: 500, type: 'Roadworthy' });
    restorer?.add(panel, panel.id);
    const show = () => void app.commands.execute(COMMANDS.showPanel);
    statusBar?.registerStatusItem('roadworthy-jupyterlab:standing', {
      item: new StatusItem(model, page, show),
      align: 'left',
      rank: 500
    });

    follow(app, notebooks, model);
    onLabEvent(app.serviceManager.events, event => model.take(event));
  }
};

/** Keep the model on the notebook that is open, and read again when a document was saved. */
function follow(app: JupyterFrontEnd, notebooks: INotebookTracker, model: PipelineModel): void {
  const now = () => void model.follow(notebooks.currentWidget?.context.localPath ?? '');
  const saved = (_: DocumentRegistry.Context, state: DocumentRegistry.SaveState) => {
    if (state === 'completed') {
      void model.refresh();
    }
  };
  notebooks.currentChanged.connect(now);
  notebooks.widgetAdded.connect((_, panel: NotebookPanel) => {
    panel.context.saveState.connect(saved);
    panel.context.pathChanged.connect(now);
  });
  void app.restored.then(now);
}
