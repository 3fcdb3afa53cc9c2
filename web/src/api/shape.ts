// Shapes of JSON values: each checks a value at run time and gives the TypeScript type of what it takes. The API's
// schema is written in them once, so that types and checks are the same text.
//
// A check throws `ShapeError` with the path to what is wrong. Keys that a shape does not name are wrong only when
// `strict` is asked for, as the tests do: a newer switch may say more than this page knows.

export class ShapeError extends Error {}

export interface Shape<T> {
  check(value: unknown, path: string, strict: boolean): T;
}

export type Of<S> = S extends Shape<infer T> ? T : never;

type Fields = Record<string, Shape<unknown>>;
type Values<F extends Fields> = { [K in keyof F]: Of<F[K]> };

function wrong(path: string, expected: string, value: unknown): never {
  throw new ShapeError(`${path}: expected ${expected}, found ${JSON.stringify(value)?.slice(0, 80)}`);
}

function plain<T>(expected: string, is: (value: unknown) => value is T): Shape<T> {
  return { check: (value, path) => (is(value) ? value : wrong(path, expected, value)) };
}

export const text = plain("a string", value => typeof value === "string");
export const flag = plain("true or false", value => typeof value === "boolean");
export const number = plain(
  "a number",
  (value): value is number => typeof value === "number" && Number.isFinite(value),
);
/** An integer that JavaScript holds exactly. */
export const count = plain("a whole number", (value): value is number => Number.isSafeInteger(value));

export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  return { check: (value, path, strict) => (value === null ? null : inner.check(value, path, strict)) };
}

/** A key that may be absent, which then reads as null. */
export function maybe<T>(inner: Shape<T>): Shape<T | null> {
  return {
    check: (value, path, strict) => (value == null ? null : inner.check(value, path, strict)),
  };
}

export function list<T>(inner: Shape<T>): Shape<T[]> {
  return {
    check(value, path, strict) {
      if (!Array.isArray(value)) return wrong(path, "a list", value);
      return value.map((item, at) => inner.check(item, `${path}[${at}]`, strict));
    },
  };
}

export function oneOf<const W extends string>(...words: W[]): Shape<W> {
  const expected = `one of ${words.join(", ")}`;
  return plain(expected, (value): value is W => words.some(word => word === value));
}

export function object<F extends Fields>(fields: F): Shape<Values<F>> {
  return {
    check(value, path, strict) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        return wrong(path, "an object", value);
      }
      const given = value as Record<string, unknown>;
      const unknown = Object.keys(given).find(key => !(key in fields));
      if (strict && unknown !== undefined) throw new ShapeError(`${path}.${unknown}: not in the schema`);
      const read = Object.entries(fields).map(([key, shape]) => [
        key,
        shape.check(given[key], `${path}.${key}`, strict),
      ]);
      return Object.fromEntries(read) as Values<F>;
    },
  };
}

/** Objects told apart by the word under `tag`. */
export function tagged<T extends string, V extends Record<string, Shape<object>>>(
  tag: T,
  variants: V,
): Shape<{ [K in keyof V]: { [N in T]: K } & Of<V[K]> }[keyof V]> {
  type Any = { [K in keyof V]: { [N in T]: K } & Of<V[K]> }[keyof V];
  return {
    check(value, path, strict) {
      const { [tag]: word, ...rest } = (value ?? {}) as Record<string, unknown>;
      const shape = typeof word === "string" ? variants[word] : undefined;
      if (!shape) return wrong(`${path}.${tag}`, Object.keys(variants).join(" or "), word);
      return { [tag]: word, ...shape.check(rest, path, strict) } as Any;
    },
  };
}
