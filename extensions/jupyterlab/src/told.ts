import { ILabEvent } from './records';

const KEY = 'roadworthy:told';
const MOST = 200;

/** What a page has told its reader of, over its reloads; kept where no other tab looks, since each tells by itself. */
export class Told {
  constructor(private readonly kept: Pick<Storage, 'getItem' | 'setItem'>) {}

  /** Whether an event is told for the first time; from then on it is known. */
  first(event: ILabEvent): boolean {
    const known = this.read();
    const key = keyOf(event);
    if (known.includes(key) || this.own.has(key)) {
      return false;
    }
    this.own.add(key);
    try {
      this.kept.setItem(KEY, JSON.stringify([...known, key].slice(-MOST)));
    } catch {
      // the browser keeps nothing: then this page alone remembers
    }
    return true;
  }

  private read(): string[] {
    try {
      const known: unknown = JSON.parse(this.kept.getItem(KEY) ?? '[]');
      return Array.isArray(known) ? known.filter((key): key is string => typeof key === 'string') : [];
    } catch {
      return [];
    }
  }

  private readonly own = new Set<string>();
}

function keyOf(event: ILabEvent): string {
  const about = event.alert ?? event.run ?? event.job ?? event.version_to ?? event.title;
  return [event.kind, event.project, about, event.severity, event.state, event.at].join('|');
}
