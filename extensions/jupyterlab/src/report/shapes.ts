/** Reads a value of unknown origin into the form that it must have. */
export type Shape<T> = (given: unknown) => T;

/** Said of data that cannot be shown: what is wrong, and what to do about it. */
export class Unreadable extends Error {
  constructor(
    message: string,
    readonly next: string
  ) {
    super(message);
  }
}

export const text: Shape<string> = given => (typeof given === 'string' ? given : '');
export const number: Shape<number> = given => (typeof given === 'number' ? given : NaN);
export const flag: Shape<boolean> = given => given === true;

export function maybe<T>(of: Shape<T>): Shape<T | null> {
  return given => (given === null || given === undefined ? null : of(given));
}

/** One of a few words; the last where it is none of them. */
export function word<T extends string>(...words: T[]): Shape<T> {
  return given => words.find(one => one === given) ?? words[words.length - 1];
}

export function list<T>(of: Shape<T>): Shape<T[]> {
  return given => (Array.isArray(given) ? given.map(of) : []);
}

/** An object whose keys are data. */
export function table<T>(of: Shape<T>): Shape<{ [key: string]: T }> {
  return given =>
    Object.fromEntries(Object.entries(isObject(given) ? given : {}).map(([key, value]) => [key, of(value)]));
}

/** An object with the fields of a record; fields that it does not have are left out. */
export function record<T>(fields: { [Field in keyof T]: Shape<T[Field]> }): Shape<T> {
  const shapes = Object.entries(fields) as [string, Shape<unknown>][];
  return given => {
    const known = isObject(given) ? given : {};
    const made: { [field: string]: unknown } = {};
    for (const [field, shape] of shapes) {
      made[field] = shape(known[field]);
    }
    return made as T;
  };
}

export function isObject(given: unknown): given is { [key: string]: unknown } {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}
