import { JupyterFrontEnd } from '@jupyterlab/application';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDocumentWidget } from '@jupyterlab/docregistry';
import { FileEditor } from '@jupyterlab/fileeditor';
import { NotebookPanel } from '@jupyterlab/notebook';

/** Open a file below the server's root, at a line counted from 1 where one is given. */
export async function openFile(
  documents: IDocumentManager,
  path: string,
  line: number | null = null
): Promise<void> {
  const widget = documents.openOrReveal(path, line === null ? 'default' : 'Editor') as
    IDocumentWidget | undefined;
  await widget?.context.ready;
  await widget?.revealed;
  if (line === null || !(widget?.content instanceof FileEditor)) {
    return;
  }
  await widget.content.ready;
  const { editor } = widget.content;
  const position = { line: Math.min(line, editor.lineCount) - 1, column: 0 };
  editor.setCursorPosition(position);
  editor.setSelection({
    start: position,
    end: { line: position.line, column: (editor.getLine(position.line) ?? '').length }
  });
  editor.revealPosition(position);
  editor.focus();
}

/** Open a notebook and select one of its cells, counted from 0; a script is opened at its beginning. */
export async function openCell(
  documents: IDocumentManager,
  path: string,
  cell: number | null
): Promise<void> {
  const widget = documents.openOrReveal(path) as IDocumentWidget | undefined;
  await widget?.context.ready;
  await widget?.revealed;
  if (cell !== null && widget instanceof NotebookPanel) {
    await selectCell(widget, cell);
  }
}

/** Select a cell and bring it into view. */
export async function selectCell(panel: NotebookPanel, cell: number): Promise<void> {
  const { content } = panel;
  content.deselectAll();
  content.activeCellIndex = cell;
  content.mode = 'command';
  await content.scrollToItem(content.activeCellIndex, 'smart');
  content.activate();
}

/** Save every open document of a project that has changes, so that what runs is what is seen. */
export async function saveAll(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  folder: string
): Promise<void> {
  const inside = (path: string) => folder === '' || path.startsWith(`${folder}/`);
  for (const widget of app.shell.widgets('main')) {
    const context = documents.contextForWidget(widget);
    if (context?.model.dirty && inside(PathExt.normalize(context.localPath))) {
      await context.save();
    }
  }
}
