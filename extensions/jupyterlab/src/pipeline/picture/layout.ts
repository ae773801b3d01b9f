import { ILabTask } from '../../records';
import { Links, passed, sorted, stages } from './layers';

/** The size of a task's card and the room between cards, in pixels. */
export const CARD = { width: 188, head: 52, product: 22, gap: 26, between: 28, edge: 24 };
/** As many products are drawn on a card; the rest are counted. */
export const PRODUCTS = 3;
/** What a line takes that passes through a layer. */
const LANE = 8;

/** A task's card and where it stands. */
export interface ICard {
  task: ILabTask;
  layer: number;
  /** place among the tasks of its layer, from the top */
  place: number;
  x: number;
  y: number;
  height: number;
}

/** A line from a task to one that builds on it. */
export interface IEdge {
  from: string;
  to: string;
  path: string;
}

export interface ILayout {
  cards: Map<string, ICard>;
  /** names by layer, each from the top */
  layers: string[][];
  edges: IEdge[];
  width: number;
  height: number;
}

/** Place tasks in layers from left to right: each right of all that it builds on, near what it is joined with. */
export function layout(tasks: ILabTask[], withProducts: boolean): ILayout {
  const known = new Map(tasks.map(task => [task.name, task]));
  const upstream: Links = new Map(
    tasks.map(task => [task.name, task.upstream.filter(name => known.has(name))])
  );
  const height = (name: string) => {
    const task = known.get(name);
    return task ? cardHeight(task.products.length, withProducts) : LANE;
  };
  const stage = stages([...known.keys()], upstream);
  const lines = passed(stage, upstream);
  const layers = sorted(stage, lines);
  const tops = spread(layers, height);
  const cards = new Map<string, ICard>();
  const own = layers.map(layer => layer.filter(name => known.has(name)));
  own.forEach((layer, at) =>
    layer.forEach((name, place) => {
      const task = known.get(name) as ILabTask;
      cards.set(name, { task, layer: at, place, x: left(at), y: tops.get(name) ?? 0, height: height(name) });
    })
  );
  const edges = lines.map(line => ({
    from: line[0],
    to: line[line.length - 1],
    path: drawn(line, cards, tops, stage)
  }));
  const ends = [...cards.values()];
  const lowest = Math.max(0, ...[...tops].map(([name, top]) => top + height(name)));
  return {
    cards,
    layers: own,
    edges,
    width: Math.max(0, ...ends.map(card => card.x + CARD.width)) + CARD.edge,
    height: lowest + CARD.edge
  };
}

function left(layer: number): number {
  return CARD.edge + layer * (CARD.width + CARD.between);
}

function cardHeight(products: number, withProducts: boolean): number {
  const rows = withProducts ? Math.min(products, PRODUCTS) + (products > PRODUCTS ? 1 : 0) : 0;
  return CARD.head + (rows > 0 ? rows * CARD.product + 8 : 0);
}

/** The upper edge of each card and of each passing line; layers are centred on one another. */
function spread(layers: string[][], height: (name: string) => number): Map<string, number> {
  const heights = layers.map(layer => layer.reduce((sum, name) => sum + height(name) + CARD.gap, -CARD.gap));
  const tallest = Math.max(0, ...heights);
  const tops = new Map<string, number>();
  layers.forEach((layer, at) => {
    let y = CARD.edge + (tallest - heights[at]) / 2;
    layer.forEach(name => {
      tops.set(name, y);
      y += height(name) + CARD.gap;
    });
  });
  return tops;
}

/** A line from card to card, through the lanes of the layers that lie between. */
function drawn(
  line: string[],
  cards: Map<string, ICard>,
  tops: Map<string, number>,
  stage: Map<string, number>
): string {
  const middle = (name: string) => (tops.get(name) ?? 0) + (cards.has(name) ? CARD.head : LANE) / 2;
  const start = left(stage.get(line[0]) ?? 0) + CARD.width;
  let [path, x, y] = [`M${start},${middle(line[0])}`, start, middle(line[0])];
  line.slice(1).forEach((name, at) => {
    const last = at === line.length - 2;
    const [x2, y2] = [left(stage.get(name) ?? 0) - (last ? 2 : 0), middle(name)];
    const bend = (x2 - x) / 2;
    path += ` C${x + bend},${y} ${x2 - bend},${y2} ${x2},${y2}`;
    [x, y] = [x2, y2];
    if (!last) {
      x += CARD.width;
      path += ` H${x}`;
    }
  });
  return path;
}

/** The task that an arrow key leads to from another; itself where there is none. */
export function neighbour(found: ILayout, name: string, key: string): string {
  const card = found.cards.get(name);
  if (!card) {
    return name;
  }
  const layer = found.layers[card.layer];
  switch (key) {
    case 'ArrowUp':
      return layer[card.place - 1] ?? name;
    case 'ArrowDown':
      return layer[card.place + 1] ?? name;
    case 'ArrowLeft':
      return found.edges.find(edge => edge.to === name)?.from ?? name;
    case 'ArrowRight':
      return found.edges.find(edge => edge.from === name)?.to ?? name;
    case 'Home':
      return found.layers[0][0];
    case 'End':
      return found.layers[found.layers.length - 1][0];
    default:
      return name;
  }
}
