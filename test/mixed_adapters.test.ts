/** Ranks on adapters of several kinds: refused, or held together by the weights of rank 0. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, halve, Module, open, parameter, Tensor } from '../engine/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { ALONE, type World } from '../mpi/world.ts';
import { compareRuns } from '../train/ranks/digest.ts';
import { sendWeights } from '../train/ranks/sent_weights.ts';
import { formatConfig, parseConfig } from '../train/run/config.ts';
import { here } from './this_adapter.ts';

const gpu = await open();

/** What a rank tells of itself, as far as it is of interest here. */
type Told = { readonly host: string; readonly digest: { readonly machine: Readonly<Record<string, string>> } };

test('other adapters are refused, unless they may be mixed; other versions always', async () => {
  const beside = (change: Readonly<Record<string, string>>): World => ({ ...ALONE, size: 2,
    gather: async <T>(value: T) => {
      const { host, digest } = value as Told;
      const machine = { ...digest.machine, ...change };
      const told = Object.fromEntries(Object.keys(digest.machine).map((key) => [key, machine[key]]));
      return [value, { host, digest: { ...digest, machine: told } } as T];
    } });
  const config = formatConfig(parseConfig('{model: {preset: tiny}, data: {train: a, labels: b}}', 'x.yaml'), '.');
  const described = { config, data: {} };
  const run = (change: Readonly<Record<string, string>>, isMixed: boolean) =>
    compareRuns(beside(change), gpu, { ...described, isMixed });
  await assert.rejectsWith(run({ adapter: 'another' }, false), FirstlightError, /adapter is another, on rank 0 it is/);
  await run({ adapter: 'another', driver: 'another' }, true);
  await assert.rejectsWith(run({ Node: 'v1' }, true), FirstlightError, /Node is v1, on rank 0 it is/);
});

/** As far as a rank looks at it. */
class Weights extends Module {
  readonly weight: Tensor;

  constructor(value: number) {
    super();
    this.weight = this.add('weight', parameter(gpu, 'weight', [5]));
    this.weight.write(new Float32Array(5).fill(value));
  }
}

/** Sends the weights of one model to another, as ranks 0 and 1 do. */
async function send(first: Module, second: Module): Promise<void> {
  const sent: Uint8Array[] = [];
  await sendWeights({ ...ALONE, size: 2, broadcast: async (bytes) => void sent.push(bytes) }, gpu,
    first as unknown as VideoModel);
  const receive = async (bytes: Uint8Array) => bytes.set(sent.shift() as Uint8Array);
  await sendWeights({ ...ALONE, size: 2, rank: 1, broadcast: receive }, gpu, second as unknown as VideoModel);
}

test('ranks take the weights of rank 0', async () => {
  const [first, second] = [new Weights(1.5), new Weights(2)];
  await send(first, second);
  assert.equal(await second.weight.read(), await first.weight.read());
});

testIf(here.features.has('shader-f16'), 'no shader-f16')(
  'masters and what they show in half precision are both those of rank 0',
  async () => {
    const [first, second] = [new Weights(1 / 3), new Weights(2)];
    for (const each of [first, second]) halve(each);
    await send(first, second);
    assert.equal(await second.weight.read(), await first.weight.read());
    assert.equal(await second.weight.master?.read(), new Float32Array(5).fill(1 / 3));
  },
);

test.after(() => gpu.close());
test.run();
