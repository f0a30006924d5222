/**
 * The names of the methods that `using` calls. Safari has neither the statement nor the names, and a class that is
 * defined with a name that is not there has a method "undefined". These are the ones that bundlers fall back to when
 * they put calls in the place of `using`.
 */
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
/** The name that `await using` calls. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
