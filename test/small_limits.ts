/**
 * Contexts that believe in small limits, so that tensors larger than a binding can be small; and every room under such
 * a limit.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, LimitError, open, type OpenOptions } from '../engine/index.ts';
import type { Case, Room } from '../kernels/shared/room.ts';
import { readCase, recordCase } from '../kernels/checking/run_case.ts';
import { asRunBy, type Run, type Runs } from '../kernels/checking/runs.ts';
import { type Storage, storages } from '../kernels/checking/storage.ts';
import { commandOf, isNarrow, type Narrowing } from './narrow.ts';
import { checkAgainstReference, type Entry, repeatable } from './sweep.ts';

/** Cases that cannot do with bindings smaller than their largest tensor, and why. */
const REFUSED: readonly Entry[] = [
  { room: 'attention', what: /^(more rows than a workgroup, heads of 64|packed: 420 tokens)/,
    why:
      'keys and values of a head, or of all heads side by side, are bound whole, and here they are the largest tensors' },
  { room: 'matmul', what: /^mlp: QuickGELU, residual$/,
    why: 'a matrix that all rows share is bound whole, and here a weight is the largest tensor' },
];

/** Limits that a context believes in. What is written here counts from then on. */
export interface BelievedLimits {
  maxStorageBufferBindingSize?: number;
  maxBufferSize?: number;
}

/** A context that believes in other limits than its device has, so that splitting can be tested with small tensors. */
export async function openWithLimits(believed: BelievedLimits, options?: OpenOptions): Promise<Gpu> {
  const gpu = await open(options);
  const limits = new Proxy(gpu.limits, {
    get: (real, name) => Reflect.get(believed, name) ?? Reflect.get(real, name, real),
  });
  Object.defineProperty(gpu, 'limits', { value: limits });
  return gpu;
}

/** A context that believes a binding holds only `bytes`. */
export function openWithBindings(bytes: number): Promise<Gpu> {
  return openWithLimits({ maxStorageBufferBindingSize: bytes });
}

/** Cases of smaller tensors are not cut: rows of odd length start at a multiple of 256 bytes once in 64. */
const LARGE_BYTES = 16_384;
/** What a binding holds, of the largest tensor of a case, until the case runs. */
const SHARES = [1 / 4, 1 / 3, 1 / 2, 3 / 4, 15 / 16];

/** Whether a case has a tensor that is large enough to be cut. */
export function isLarge(item: Case): boolean {
  return largestTensor(item, 'f32') >= LARGE_BYTES;
}

/** Bytes of the largest input or output. */
function largestTensor({ inputs, reference }: Case, storage: Storage): number {
  const floatBytes = storage === 'f32' ? 4 : 2;
  const values = Object.values(inputs).map(({ data }) => (data instanceof Float32Array ? floatBytes : 4) * data.length);
  const outputs = reference(
    Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, Float64Array.from(data)])),
  );
  return Math.max(...values, ...outputs.map(({ length }) => floatBytes * length));
}

/**
 * Runs a case where its largest tensor does not fit a binding, and compares with float64. Returns why it cannot be, if
 * it cannot.
 */
async function refusalInRanges(gpu: Gpu, believed: BelievedLimits, item: Case, chosen: Run,
  storage: Storage): Promise<LimitError | undefined> {
  const largest = largestTensor(item, storage);
  let refusal: LimitError | undefined;
  for (const share of SHARES) {
    let recorded: ReturnType<typeof recordCase>;
    try {
      believed.maxStorageBufferBindingSize = Math.ceil((largest * share) / 256) * 256 + gpu.pool.guardBytes;
      recorded = gpu.scope(() => recordCase(gpu, item, chosen, storage));
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      refusal = error;
      continue;
    } finally {
      believed.maxStorageBufferBindingSize = undefined;
    }
    checkAgainstReference(asRunBy(chosen, item), await readCase(gpu, item, recorded), storage);
    return undefined;
  }
  return refusal;
}

/** One test for the large cases of a room. */
export function testRanges(gpu: Gpu, believed: BelievedLimits, room: Room, cases: readonly (readonly [number, Case])[],
  runs: Runs, narrowing: Narrowing): void {
  const refused = REFUSED.filter((entry) => entry.room === room.name);
  const large = cases.filter(([, item]) => isLarge(item));
  if (isNarrow(narrowing) && (large.length === 0 || narrowing.dtype === 'f16')) return;
  test(`${room.name} works in ranges where a binding holds less than a tensor, but for what is listed`,
    repeatable(commandOf({ ...narrowing, room: room.name }), async () => {
      assert.ok(large.length > 0, 'no case has a tensor that is large enough to be cut');
      for (const [number, item] of large) {
        const isListed = refused.some(({ what }) => what.test(item.name));
        const [first] = runs.of(number);
        if (first === undefined) continue; // narrowed to a variant that this case does not have
        const refusal = await refusalInRanges(gpu, believed, item, first, 'f32');
        if (refusal !== undefined && !isListed) throw refusal;
        assert.is(refusal === undefined && isListed, false,
          `"${item.name}" works: take it off the list of what is refused`);
        // f16 may be refused where f32 is not: its rows start where a binding may half as often. The variants are those
        // that the sweep has compiled
        for (const storage of storages(gpu, item).slice(1)) {
          for (const chosen of runs.turnOf(number, 'f16')) {
            await refusalInRanges(gpu, believed, item, chosen, storage);
          }
        }
      }
      if (isNarrow(narrowing)) return;
      for (const { what } of refused) {
        assert.ok(large.some(([, { name }]) => what.test(name)),
          `no large case is ${what}: take it off the list of what is refused`);
      }
      await gpu.checkGuards();
    }));
}
