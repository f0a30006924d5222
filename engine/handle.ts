/** Something that holds memory of a context and gives it back when it is told to: what scopes own. */
export abstract class Handle {
  abstract readonly label: string;
  abstract readonly shape: readonly number[];
  abstract dispose(): void;
}

/** The handles in a value, in arrays and plain objects too. */
export function* handlesIn(value: unknown): Generator<Handle> {
  if (value instanceof Handle) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* handlesIn(item);
  else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* handlesIn(item);
  }
}
