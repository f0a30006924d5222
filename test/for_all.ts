import fc from 'fast-check';
import { asserted } from './asserted.ts';

/**
 * fast-check's `assert`, counted: a property that holds for all values that are tried, or, if it fails, the smallest
 * that it fails for.
 */
export const forAll = ((property: Parameters<typeof fc.assert>[0], parameters?: Parameters<typeof fc.assert>[1]) => {
  asserted();
  return fc.assert(property, parameters);
}) as typeof fc.assert;
