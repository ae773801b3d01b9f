import { ILabTask } from '../../records';
import { CARD, layout, neighbour } from '../picture/layout';
import { task } from './tasks';

const diamond = [task('a'), task('b', ['a']), task('c', ['a']), task('d', ['b', 'c', 'a'])];

/** Sixty tasks in ten layers, each on two of the layer before. */
const many: ILabTask[] = Array.from({ length: 60 }, (_, at) => {
  const row = at % 6;
  const before = at - 6 - row;
  return task(`task ${at}`, at < 6 ? [] : [`task ${before + row}`, `task ${before + ((row + 1) % 6)}`]);
});

test('each task stands right of all that it builds on', () => {
  for (const tasks of [diamond, many]) {
    const { cards, edges } = layout(tasks, true);
    expect(cards.size).toBe(tasks.length);
    for (const { from, to } of edges) {
      expect(cards.get(from)?.layer).toBeLessThan(cards.get(to)?.layer ?? 0);
    }
  }
});

test('no card covers another, and all lie in the picture', () => {
  for (const withProducts of [true, false]) {
    const { cards, width, height } = layout(many, withProducts);
    const placed = [...cards.values()];
    placed.forEach((a, at) => {
      expect(a.x + CARD.width).toBeLessThanOrEqual(width);
      expect(a.y + a.height).toBeLessThanOrEqual(height);
      expect(Math.min(a.x, a.y)).toBeGreaterThanOrEqual(0);
      for (const b of placed.slice(at + 1)) {
        const apart = a.x !== b.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart).toBe(true);
      }
    });
  }
});

test('a line that passes a layer has a lane beside the cards', () => {
  const { edges, cards } = layout([task('a'), task('b', ['a']), task('c', ['a', 'b'])], true);
  const long = edges.find(edge => edge.from === 'a' && edge.to === 'c');
  const lane = Number(/,([\d.]+) H/.exec(long?.path ?? '')?.[1]);
  const passed = cards.get('b');
  expect(lane < (passed?.y ?? 0) || lane > (passed?.y ?? 0) + (passed?.height ?? 0)).toBe(true);
});

test('the order keeps lines from crossing where it can', () => {
  const { cards } = layout([task('a'), task('b'), task('on b', ['b']), task('on a', ['a'])], false);
  const above = (one: string, other: string) => (cards.get(one)?.y ?? 0) < (cards.get(other)?.y ?? 0);
  expect(above('a', 'b')).toBe(above('on a', 'on b'));
});

test('arrow keys go along the lines and within a layer', () => {
  const found = layout(diamond, false);
  expect(neighbour(found, 'a', 'ArrowRight')).toBe('b');
  expect(neighbour(found, 'd', 'ArrowLeft')).toBe('b');
  expect(neighbour(found, 'a', 'ArrowLeft')).toBe('a');
  const [upper, lower] = found.layers[1];
  expect(neighbour(found, upper, 'ArrowDown')).toBe(lower);
  expect(neighbour(found, lower, 'ArrowUp')).toBe(upper);
  expect(neighbour(found, 'a', 'End')).toBe('d');
  expect(neighbour(found, 'd', 'Home')).toBe('a');
  expect(neighbour(found, 'gone', 'Home')).toBe('gone');
});

test('a pipeline that is empty, broken or in a circle has a picture, too', () => {
  expect(layout([], true).cards.size).toBe(0);
  expect(layout([task('a', ['nobody'])], true).edges).toEqual([]);
  for (const circle of [[task('a', ['a'])], [task('a', ['b']), task('b', ['a'])]]) {
    const { cards, height } = layout(circle, true);
    expect(cards.size).toBe(circle.length);
    expect(height).toBeGreaterThan(CARD.head);
  }
});
