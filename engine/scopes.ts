import { type Handle, handlesIn } from './handle.ts';

/** Who owns what was made: the innermost scope, or, outside of all, whoever disposes of it. */
export class Scopes {
  readonly #scopes: Handle[][] = [];
  readonly #isClosed: () => boolean;
  readonly #leaks = new FinalizationRegistry<string>((label) => {
    if (!this.#isClosed()) console.warn(`firstlight: ${label} was dropped without dispose(); its memory stays taken`);
  });

  /** @param isClosed whether the context has ended: then nothing can leak any more */
  constructor(isClosed: () => boolean) {
    this.#isClosed = isClosed;
  }

  /** Runs `fn` and frees every handle made inside, except those that it returns (in an array or a plain object too). */
  run<T>(fn: () => T): T {
    const own: Handle[] = [];
    this.#scopes.push(own);
    let escaping: Set<Handle> = new Set();
    try {
      const result = fn();
      if (result instanceof Promise) throw new TypeError('scope takes a synchronous function: read results after it');
      escaping = new Set(handlesIn(result));
      return result;
    } finally {
      this.#scopes.pop();
      for (const handle of own) {
        if (escaping.has(handle)) this.adopt(handle);
        else handle.dispose();
      }
    }
  }

  /** Makes the current scope the owner of `handle`. */
  adopt(handle: Handle): void {
    const scope = this.#scopes.at(-1);
    if (scope !== undefined) scope.push(handle);
    else this.#leaks.register(handle, `${handle.label} [${handle.shape}]`, handle);
  }

  /** Whether the current scope will free the handle. */
  has(handle: Handle): boolean {
    return this.#scopes.at(-1)?.includes(handle) === true;
  }

  /** Takes a handle out of its scope. */
  keep(handle: Handle): void {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const at = this.#scopes[i].lastIndexOf(handle);
      if (at >= 0) return void this.#scopes[i].splice(at, 1);
    }
  }

  /** A handle that was disposed of is no leak. */
  forget(handle: Handle): void {
    this.#leaks.unregister(handle);
  }
}
