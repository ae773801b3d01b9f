/** The tag of the cell that a run's parameters stand in. */
export const TAG = 'parameters';

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
