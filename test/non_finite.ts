/**
 * NaN and infinity must stay visible: planted in an input of a case, or in dy, they come out wherever float64 has them.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, Random } from '../engine/index.ts';
import type { Case, Room } from '../kernels/shared/room.ts';
import { expected } from '../kernels/checking/comparison.ts';
import { runCase, seedGradient } from '../kernels/checking/run_case.ts';
import { asRunBy, candidateName, type Run, type Runs } from '../kernels/checking/runs.ts';
import { type Storage, storages } from '../kernels/checking/storage.ts';
import { close } from './close.ts';
import { isLarge } from './small_limits.ts';
import { commandOf, isNarrow, type Narrowing } from './narrow.ts';
import { type Entry, repeatable } from './sweep.ts';

/** Where something is hidden, or comes out more often, as `case: input value`, and why. */
const HIDDEN: readonly Entry[] = [
  { room: 'convolution', what: /: (weight|dy) /,
    why: 'a pixel beyond the edge is a zero that is multiplied like any other, and with infinity it makes a NaN more' },
];

const VALUES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** Where gradients come in. */
const DY = 'dy';

/** Some element and the last one, which may stand alone in its vector or workgroup. */
function planted(data: Float32Array, value: number, name: string): Float32Array {
  const changed = data.slice();
  for (const at of [new Random(4, name).below(data.length), data.length - 1]) changed[at] = value;
  return changed;
}

/** Names of the inputs of floating point. */
function floatsOf({ inputs }: Case): string[] {
  return Object.keys(inputs).filter((name) => inputs[name].data instanceof Float32Array);
}

/** Runs a case once for each of its inputs of floating point and each value; returns what of it was hidden, and how. */
async function hiddenIn(gpu: Gpu, item: Case, chosen: Run, storage: Storage,
  values: readonly number[]): Promise<Map<string, string>> {
  const hidden = new Map<string, string>();
  const names = floatsOf(item);
  for (const name of item.wrt.length > 0 ? [...names, DY] : names) {
    for (const value of values) {
      const plant = (data: Float32Array) => planted(data, value, `${name} of ${item.name}`);
      const input = item.inputs[name];
      const own: Case = name === DY
        ? item
        : { ...item, inputs: { ...item.inputs, [name]: { ...input, data: plant(input.data as Float32Array) } } };
      const seed: typeof seedGradient = name === DY ? (of, size) => plant(seedGradient(of, size)) : seedGradient;
      const results = await runCase(gpu, own, chosen, storage, seed);
      try {
        for (const { what, got, want, tolerance } of expected(asRunBy(chosen, own), results, storage, seed)) {
          const [shown, finite] = [Float64Array.from(got), want.slice()];
          want.forEach((number, i) => {
            if (Number.isFinite(number)) return;
            const isShown = Number.isNaN(value) && Number.isNaN(number)
              ? Number.isNaN(shown[i])
              : !Number.isFinite(shown[i]);
            if (!isShown) throw new Error(`${what}: element ${i} is ${shown[i]}, float64 has ${number}`);
            shown[i] = finite[i] = 0;
          });
          close(what, shown, finite, tolerance);
        }
      } catch (error) {
        hidden.set(`${name} ${value}`, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return hidden;
}

/** A test for each small case of a room, and one that nothing is listed in vain. */
export function testNonFinite(gpu: Gpu, room: Room, cases: readonly (readonly [number, Case])[], runs: Runs,
  narrowing: Narrowing): void {
  const listed = HIDDEN.filter((entry) => entry.room === room.name);
  const met = new Set<Entry>();
  const small = cases.filter(([, item]) => !isLarge(item) && floatsOf(item).length > 0);
  for (const [number, item] of small) {
    test(`${room.name}: "${item.name}" shows NaN and infinity wherever float64 has them`,
      repeatable(commandOf({ ...narrowing, room: room.name, case: item.name }), async () => {
        const check = async (chosen: Run, storage: Storage, values: readonly number[]) => {
          for (const [place, message] of await hiddenIn(gpu, item, chosen, storage, values)) {
            const known = listed.find(({ what }) => what.test(`${item.name}: ${place}`));
            if (known === undefined) {
              throw new Error(`${candidateName(chosen)}, ${storage}, ${place} planted: ${message}`);
            }
            met.add(known);
          }
        };
        // how infinity is treated is seen by one variant; whether NaN is lost, by each
        if (narrowing.dtype !== 'f16') {
          for (const [i, chosen] of runs.of(number).entries()) {
            await check(chosen, 'f32', i === 0 ? VALUES : [Number.NaN]);
          }
        }
        const [, f16] = storages(gpu, item);
        if (f16 !== undefined && narrowing.dtype !== 'f32') {
          for (const chosen of runs.turnOf(number, 'f16')) await check(chosen, f16, [Number.NaN]);
        }
      }));
  }
  if (listed.length === 0 || isNarrow(narrowing)) return;
  test(`${room.name} hides no less than what is listed`, () => {
    for (const entry of listed) assert.ok(met.has(entry), `nothing is hidden in ${entry.what}: take it off the list`);
  });
}
