import { ILabTask } from '../../records';

/** The size of a task's card and the room between cards, in pixels. */
export const CARD = { width: 184, head: 52, product: 22, gap: 28, between: 84, edge: 24 };
/** As many products are drawn on a card; the rest are counted. */
export const PRODUCTS = 3;

/** A task's card and where it stands. */
export interface ICard {
  task: ILabTask;
  layer: number;
  /** place in its layer, from the top */
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

type Links = Map<string, string[]>;

/**
 * Place tasks in layers from left to right: each right of all that it builds on, near what it is joined with.
 *
 * The order within a layer comes from sweeps that put each task at the mean place of its neighbours
 * (Sugiyama, Tagawa and Toda 1981), which keeps lines from crossing.
 */
export function layout(tasks: ILabTask[], withProducts: boolean): ILayout {
  const known = new Map(tasks.map(task => [task.name, task]));
  const upstream: Links = new Map(
    tasks.map(task => [task.name, task.upstream.filter(name => known.has(name))])
  );
  const downstream: Links = new Map(tasks.map(task => [task.name, []]));
  upstream.forEach((names, name) => names.forEach(from => downstream.get(from)?.push(name)));
  const layers = ordered(layered(tasks, upstream), upstream, downstream);
  const cards = placed(layers, known, withProducts);
  const edges = [...upstream].flatMap(([to, names]) =>
    names.map(from => ({ from, to, path: line(cards, from, to) }))
  );
  const ends = [...cards.values()];
  return {
    cards,
    layers,
    edges,
    width: Math.max(0, ...ends.map(card => card.x + CARD.width)) + CARD.edge,
    height: Math.max(0, ...ends.map(card => card.y + card.height)) + CARD.edge
  };
}

function layered(tasks: ILabTask[], upstream: Links): string[][] {
  const depth = new Map<string, number>();
  const deep = (name: string, seen: Set<string>): number => {
    const found = depth.get(name);
    if (found !== undefined || seen.has(name)) {
      return found ?? 0;
    }
    seen.add(name);
    const value = Math.max(-1, ...(upstream.get(name) ?? []).map(from => deep(from, seen))) + 1;
    depth.set(name, value);
    return value;
  };
  const layers: string[][] = [];
  for (const { name } of tasks) {
    (layers[deep(name, new Set())] ??= []).push(name);
  }
  return layers;
}

function ordered(layers: string[][], upstream: Links, downstream: Links): string[][] {
  const place = new Map<string, number>();
  const number = (layer: string[]) =>
    layer.forEach((name, at) => place.set(name, at / Math.max(1, layer.length - 1)));
  layers.forEach(number);
  const mean = (name: string, links: Links): number => {
    const places = (links.get(name) ?? []).map(other => place.get(other) ?? 0);
    return places.length === 0 ? (place.get(name) ?? 0) : places.reduce((a, b) => a + b, 0) / places.length;
  };
  const sweep = (some: string[][], links: Links) =>
    some.forEach(layer => {
      const wished = new Map(layer.map(name => [name, mean(name, links)]));
      layer.sort((a, b) => (wished.get(a) ?? 0) - (wished.get(b) ?? 0));
      number(layer);
    });
  for (let round = 0; round < 4; round += 1) {
    sweep(layers.slice(1), upstream);
    sweep(layers.slice(0, -1).reverse(), downstream);
  }
  return layers;
}

function placed(layers: string[][], known: Map<string, ILabTask>, withProducts: boolean): Map<string, ICard> {
  const cards = new Map<string, ICard>();
  const height = (name: string) => cardHeight(known.get(name)?.products.length ?? 0, withProducts);
  const heights = layers.map(layer => layer.reduce((sum, name) => sum + height(name) + CARD.gap, -CARD.gap));
  const tallest = Math.max(0, ...heights);
  layers.forEach((layer, at) => {
    let y = CARD.edge + (tallest - heights[at]) / 2;
    layer.forEach((name, place) => {
      const task = known.get(name);
      if (task) {
        const x = CARD.edge + at * (CARD.width + CARD.between);
        cards.set(name, { task, layer: at, place, x, y, height: height(name) });
        y += height(name) + CARD.gap;
      }
    });
  });
  return cards;
}

function cardHeight(products: number, withProducts: boolean): number {
  const rows = withProducts ? Math.min(products, PRODUCTS) + (products > PRODUCTS ? 1 : 0) : 0;
  return CARD.head + (rows > 0 ? rows * CARD.product + 8 : 0);
}

function line(cards: Map<string, ICard>, from: string, to: string): string {
  const [a, b] = [cards.get(from), cards.get(to)];
  if (!a || !b) {
    return '';
  }
  const [x1, y1, x2, y2] = [a.x + CARD.width, a.y + CARD.head / 2, b.x - 5, b.y + CARD.head / 2];
  const bend = Math.max(CARD.between / 2, (x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
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
