/** What each name is joined with. */
export type Links = Map<string, string[]>;

const SWEEPS = 4;

/** The layer of each name: one more than the last of those that it builds on. Circles are cut where they close. */
export function stages(names: string[], upstream: Links): Map<string, number> {
  const stage = new Map<string, number>();
  const deep = (name: string, seen: Set<string>): number => {
    const found = stage.get(name);
    if (found !== undefined || seen.has(name)) {
      return found ?? 0;
    }
    seen.add(name);
    const value = Math.max(-1, ...(upstream.get(name) ?? []).map(from => deep(from, seen))) + 1;
    stage.set(name, value);
    return value;
  };
  names.forEach(name => deep(name, new Set()));
  return stage;
}

/**
 * Each line from a name to one that builds on it, with a lane of its own in every layer that it passes; the lanes are
 * added to the stages.
 */
export function passed(stage: Map<string, number>, upstream: Links): string[][] {
  const lines: string[][] = [];
  for (const [to, names] of upstream) {
    for (const from of names) {
      const line = [from];
      for (let at = (stage.get(from) ?? 0) + 1; at < (stage.get(to) ?? 0); at += 1) {
        const lane = JSON.stringify([from, to, at]);
        stage.set(lane, at);
        line.push(lane);
      }
      lines.push([...line, to]);
    }
  }
  return lines;
}

/**
 * The names of each layer, from the top.
 *
 * The order comes from sweeps to and fro that put each name at the mean place of its neighbours (Sugiyama, Tagawa and
 * Toda 1981), which keeps lines from crossing.
 */
export function sorted(stage: Map<string, number>, lines: string[][]): string[][] {
  const layers = Array.from({ length: Math.max(-1, ...stage.values()) + 1 }, (): string[] => []);
  stage.forEach((at, name) => layers[at].push(name));
  const before: Links = new Map();
  const after: Links = new Map();
  for (const line of lines) {
    line.slice(1).forEach((name, at) => {
      before.set(name, [...(before.get(name) ?? []), line[at]]);
      after.set(line[at], [...(after.get(line[at]) ?? []), name]);
    });
  }
  const place = new Map<string, number>();
  const number = (layer: string[]) => layer.forEach((name, at) => place.set(name, (at + 0.5) / layer.length));
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
  for (let round = 0; round < SWEEPS; round += 1) {
    sweep(layers.slice(1), before);
    sweep(layers.slice(0, -1).reverse(), after);
  }
  return layers;
}
