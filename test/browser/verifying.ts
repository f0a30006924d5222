import { open } from '../../engine/index.ts';
import { bytesInMemory } from '../../model/checkpoint/bytes.ts';
import type { CheckResult } from '../../train/verify/comparison.ts';
import { FixtureFile, type OpenBytes } from '../../train/verify/fixture.ts';
import { kindOf, verifyFixture } from '../../train/verify/index.ts';

const FOLDER = '/test/fixtures/systems';

/** All checks of fixtures of systems, in the page that this is called in, as `firstlight verify` has them. */
export async function verify(names: readonly string[]): Promise<CheckResult[]> {
  await using gpu = await open();
  const results: CheckResult[] = [];
  for (const name of names) {
    const path = `${FOLDER}/${name}`;
    const file = new FixtureFile(path, await (await get(`${path}.json`)).json(), openAt);
    results.push(...(await verifyFixture(gpu, file, kindOf(file), { type: 'f32' })));
  }
  return results;
}

async function get(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response;
}

async function openAt(address: string): Promise<OpenBytes> {
  const bytes = new Uint8Array(await (await get(address)).arrayBuffer());
  return { ...bytesInMemory(address, bytes), close: () => Promise.resolve() };
}
