import { NotebookPanel } from '@jupyterlab/notebook';
import { selectCell } from '../opening';
import { hasParameters, ICell, placeFor, TAG } from './tagged';

const SOURCE = '# What a run can be given: one name a line, its type after a colon, help after a hash.\n';
const NEEDED = ['upstream = None', 'product = None'];

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
