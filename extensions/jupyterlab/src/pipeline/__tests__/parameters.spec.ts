import { nullTranslator } from '@jupyterlab/translation';
import { ILabParameter } from '../../records';
import { hasParameters, placeFor } from '../parameters/tagged';
import { checked, literal, written } from '../parameters/values';

const trans = nullTranslator.load('roadworthy');

function parameter(type: ILabParameter['type'], said: Partial<ILabParameter> = {}): ILabParameter {
  const none = { annotation: '', optional: false, choices: [], default: null, written: '', value: null };
  return { name: 'p', type, ...none, key: null, secret: false, help: '', ...said };
}

test.each<[ILabParameter['type'], string | boolean, unknown]>([
  ['integer', ' 1_000 ', 1000],
  ['integer', '-3', -3],
  ['number', '1e-3', 0.001],
  ['text', ' as it is ', ' as it is '],
  ['boolean', true, true],
  ['list', '[1, "a"]', [1, 'a']],
  ['mapping', '{"a": null}', { a: null }],
  ['other', 'true', true]
])('a field of type %s that says %p', (type, field, value) => {
  expect(checked(parameter(type), field, trans)).toEqual({ value });
});

test.each<[ILabParameter['type'], string | null]>([
  ['integer', '1.5'],
  ['integer', ''],
  ['integer', '99999999999999999999'],
  ['number', 'many'],
  ['number', ''],
  ['list', '{}'],
  ['mapping', '[1]'],
  ['mapping', 'null'],
  ['other', 'unquoted'],
  ['text', null]
])('a field of type %s refuses %p', (type, field) => {
  expect(checked(parameter(type), field, trans).error).toBeTruthy();
});

test('a choice is written as the cell writes it, and given as what it means', () => {
  const choice = parameter('choice', { choices: ["'gini'", '"log loss"', '3', 'None'] });
  expect(written(choice, 'log loss')).toBe('"log loss"');
  expect(checked(choice, "'gini'", trans)).toEqual({ value: 'gini' });
  expect(checked(choice, '3', trans)).toEqual({ value: 3 });
  expect(checked(choice, "'other'", trans).error).toContain('gini');
  expect([literal('True'), literal('-1.5'), literal("'it\\'s'"), literal('toString')]).toEqual([
    true,
    -1.5,
    "it's",
    'toString'
  ]);
});

test('None is a value of an optional parameter alone', () => {
  expect(written(parameter('integer', { optional: true }), null)).toBeNull();
  expect(written(parameter('integer'), null)).toBe('');
  expect(checked(parameter('integer', { optional: true }), null, trans)).toEqual({ value: null });
});

test.each([
  ['text', 'a'],
  ['integer', 5],
  ['number', 0.25],
  ['boolean', false],
  ['list', [1, [2]]],
  ['mapping', { a: { b: 1 } }],
  ['other', 'a text']
] as [ILabParameter['type'], unknown][])('what is written of a %s is read as the same', (type, value) => {
  const own = parameter(type);
  expect(checked(own, written(own, value), trans)).toEqual({ value });
});

test('a parameters cell is known by its tag, and goes after the words a notebook begins with', () => {
  const words = { cell_type: 'markdown', metadata: {} };
  const code = { cell_type: 'code', metadata: { tags: ['parameters'] } };
  expect(hasParameters([words, code])).toBe(true);
  expect(hasParameters([words, { cell_type: 'code', metadata: { tags: 'parameters' } }])).toBe(false);
  expect(placeFor([words, words, code])).toBe(2);
  expect(placeFor([words])).toBe(1);
  expect(placeFor([])).toBe(0);
});
