import { chosen, columnsOf, height, IOrder, pressed } from '../columns';
import { found, reading } from './examples';

const calm = { verdict: 'no drift', effect: 0.01 } as const;
const may = found(5, [reading('temp', calm), reading('dewp', { effect: 0.9 })]);
const june = found(6, [
  reading('dewp', { effect: 0.1 }),
  reading('temp', { kind: 'missing', measure: 'two-proportion z', ...calm }),
  reading('temp', { effect: 0.5 }),
  reading('origin', { measure: 'chi-square homogeneity', ...calm })
]);
const columns = columnsOf(june, [may, june]);
const worst: IOrder = { key: 'worst', descending: false };
const names = (filter: { text?: string; driftedOnly?: boolean }, order: IOrder) =>
  chosen(columns, { text: '', driftedOnly: false, ...filter }, order).map(column => column.name);

describe('columnsOf', () => {
  it('puts the worst first, each column once with all its readings', () => {
    expect(columns.map(column => column.name)).toEqual(['temp', 'dewp', 'origin']);
    expect(columns[0].readings.map(one => one.kind)).toEqual(['feature', 'missing']);
  });

  it('knows each column in every window, and where nothing is known of it', () => {
    const efforts = columns.map(column => column.trend.map(point => point.reading?.effect ?? null));
    expect(efforts).toEqual([
      [0.01, 0.5],
      [0.9, 0.1],
      [null, 0.01]
    ]);
  });

  it('counts what matters to the model for more', () => {
    const readings = [
      reading('a', { importance: 0.1, effect: 0.5 }),
      reading('b', { importance: 1, effect: 0.2 })
    ];
    expect(columnsOf(found(6, readings), []).map(column => column.name)).toEqual(['b', 'a']);
  });
});

describe('chosen', () => {
  it('finds by a part of the name or measure, in any case', () => {
    expect(names({ text: ' TEM ' }, worst)).toEqual(['temp']);
    expect(names({ text: 'chi-sq' }, worst)).toEqual(['origin']);
    expect(names({ text: 'nothing' }, worst)).toEqual([]);
  });

  it('leaves out what did not drift', () => {
    expect(names({ driftedOnly: true }, worst)).toEqual(['temp', 'dewp']);
  });

  it('sorts by any column, in both directions', () => {
    expect(names({}, { key: 'name', descending: false })).toEqual(['dewp', 'origin', 'temp']);
    expect(names({}, { key: 'effect', descending: true })).toEqual(['temp', 'dewp', 'origin']);
    expect(names({}, { key: 'effect', descending: false })).toEqual(['origin', 'dewp', 'temp']);
  });

  it('puts figures that are not known last when the smallest comes first', () => {
    const some = columnsOf(found(6, [reading('a', { effect: NaN }), reading('b')]), []);
    const order = chosen(some, { text: '', driftedOnly: false }, { key: 'effect', descending: false });
    expect(order.map(column => column.name)).toEqual(['b', 'a']);
  });
});

describe('pressed', () => {
  it('begins with the largest figure or the first name, and turns around', () => {
    expect(pressed(worst, 'effect')).toEqual({ key: 'effect', descending: true });
    expect(pressed(worst, 'name')).toEqual({ key: 'name', descending: false });
    expect(pressed(worst, 'worst')).toEqual({ key: 'worst', descending: true });
  });
});

describe('height', () => {
  it('is in proportion up to what counts, then a step for each doubling', () => {
    expect([0, 0.5, 1, 2, 4, 1000, Infinity].map(height)).toEqual([0, 2, 4, 6, 9, 12, 12]);
  });
});
