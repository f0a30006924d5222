/** Something that holds memory of a context and gives it back when it is told to: what scopes own. */
export abstract class Handle {
  abstract readonly label: string;
  abstract readonly shape: readonly number[];
  abstract dispose(): void;
}

/** The handles in a value, in arrays and plain objects too. */
export function* handlesIn(value: unknown): Generator<Handle> {
  if (value instanceof Handle) yield value;
  else if (Array.isArray(value)) { for (const item of value) yield* handlesIn(item); }
  else if (isPlain(value)) { for (const item of Object.values(value)) yield* handlesIn(item); }
}

/** The same value with other handles: its arrays and plain objects are made anew. */
export function withHandles<T>(value: T, replace: (handle: Handle) => Handle): T {
  if (value instanceof Handle) return replace(value) as T & Handle;
  if (Array.isArray(value)) return value.map((item: unknown) => withHandles(item, replace)) as T & unknown[];
  if (isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withHandles(item, replace)])) as
      & T
      & object;
  }
  return value;
}

/** Whether a value is an object as `{ … }` makes it. */
export function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
