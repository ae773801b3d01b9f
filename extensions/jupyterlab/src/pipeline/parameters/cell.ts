import { NotebookPanel } from '@jupyterlab/notebook';
import { selectCell } from '../opening';

const TAG = 'parameters';
const SOURCE = '# What a run can be given: one name a line, its type after a colon, help after a hash.\n';
const NEEDED = ['upstream = None', 'product = None'];

/** The parts of a cell that say whether it is the one with the parameters. */
export interface ICell {
  cell_type?: unknown;
  metadata?: { [key: string]: unknown };
}

/** Whether a notebook has a cell with the parameters. */
export function hasParameters(cells: ICell[]): boolean {
  return cells.some(cell => Array.isArray(cell.metadata?.tags) && cell.metadata.tags.includes(TAG));
}

/** Where the cell goes: after the words that a notebook begins with. */
export function placeFor(cells: ICell[]): number {
  const code = cells.findIndex(cell => cell.cell_type !== 'markdown' && cell.cell_type !== 'raw');
  return code < 0 ? cells.length : code;
}

/** The cells of an open notebook as they stand on the screen, saved or not. */
export function cellsOf(panel: NotebookPanel): ICell[] {
  return panel.content.model?.sharedModel.cells.map(cell => cell.toJSON() as ICell) ?? [];
}

/** Put a cell for parameters into the open document and select it; the file is the user's to save. */
export async function addParametersCell(panel: NotebookPanel): Promise<void> {
  const cells = cellsOf(panel);
  if (hasParameters(cells)) {
    return;
  }
  const place = placeFor(cells);
  const source = SOURCE + NEEDED.join('\n');
  panel.content.model?.sharedModel.insertCell(place, {
    cell_type: 'code',
    source,
    metadata: { tags: [TAG] }
  });
  await selectCell(panel, place);
}
