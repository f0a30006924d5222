import { test } from 'uvu';

/** A test for adapters that have what it needs; on others it is skipped, and counted so. */
export function testIf(has: boolean): typeof test | typeof test.skip {
  return has ? test : test.skip;
}
