/**
 * What operations keep for their gradients, and what they do for them, in every case of every room: with gradients for
 * all operands that can have one, and for each of them alone; and in which form their kernels run. On devices that run
 * nothing.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type AnyTensor, backward, type DType, FirstlightError, type Gpu, Tensor } from '../engine/index.ts';
import { accesses, type Command, texturesOf } from '../engine/command.ts';
import { withoutRunning } from '../engine/pass.ts';
import type { Storage } from '../engine/storage.ts';
import { rooms } from '../kernels/index.ts';
import type { Case } from '../kernels/shared/room.ts';
import { checkLanes } from './lanes.ts';
import { nullGpu } from './null_gpu.ts';

const software = await nullGpu({ isFallbackAdapter: true });

const typeOf = (data: unknown): DType =>
  data instanceof Float32Array ? 'f32' : data instanceof Uint32Array ? 'u32' : 'i32';

/** A pass forward and back. */
interface Passed {
  readonly forward: readonly Command[];
  readonly back: readonly Command[];
  /** Operands and results, by name. */
  readonly named: ReadonlyMap<string, Storage>;
  readonly gradients: readonly Storage[];
  /** Memory that is in use between the two. */
  readonly kept: readonly Storage[];
  /** Rows of all operands and results are of whole vectors of four. */
  readonly isInFours: boolean;
}

/** What is done between the two, with operands and results by name. */
type Between = (tensors: ReadonlyMap<string, AnyTensor>) => void;

function pass(gpu: Gpu, item: Case, wanted: readonly string[], between?: Between): Passed {
  return withoutRunning(gpu, ({ commands }) => {
    const inputs = Object.fromEntries(
      Object.entries(item.inputs).map((
        [name, { shape, data }],
      ) => [name, Tensor.empty(gpu, shape, typeOf(data), name) as AnyTensor]),
    );
    for (const name of wanted) inputs[name].requiresGrad = true;
    const outputs = item.run(inputs, 'f32');
    const [y] = outputs;
    const forward = [...commands];
    const tensors = new Map([...Object.entries(inputs), ...outputs.map((each, i) => [`result ${i}`, each] as const)]);
    const named = new Map([...tensors].map(([name, { storage }]) => [name, storage]));
    const kept = [...new Set(forward.flatMap((command) => Object.values(accesses(command)).flat()))]
      .filter(({ refs }) => refs > 0);
    const dy = y.like() as Tensor;
    between?.(tensors);
    const begin = commands.length;
    backward(y as Tensor, dy);
    const gradients = wanted.map((name) => (inputs[name].grad as Tensor).storage);
    const isInFours = [...tensors.values()].every(({ shape }) => (shape.at(-1) ?? 1) % 4 === 0);
    return { forward, back: commands.slice(begin), named, gradients, kept, isInFours };
  });
}

const labelOf = (command: Command) => (command.kind === 'dispatch' ? command.label : command.kind);
const readBy = (commands: readonly Command[]) => new Set(commands.flatMap((command) => accesses(command).reads));

/** The commands that nothing comes of that anybody wants. */
function idle(commands: readonly Command[], wanted: readonly Storage[]): string[] {
  const live = new Set(wanted);
  return commands.toReversed().filter((command) => {
    const { reads, writes } = accesses(command);
    if (texturesOf(command).length === 0 && !writes.some((storage) => live.has(storage))) return true;
    for (const storage of [...reads, ...writes]) live.add(storage);
    return false;
  }).map(labelOf);
}

/** Cases of rows in fours, parts of which are not: sums of bands, and what is shifted. */
const PARTS = ['long rows in vectors: bands, the last of which is short', 'two channels each way'];

const each = (item: Case) => [item.wrt, ...(item.wrt.length > 1 ? item.wrt.map((name) => [name]) : [])];

for (const { name: room, cases } of rooms) {
  const learning = cases.filter(({ wrt }) => wrt.length > 0);
  if (learning.length === 0) continue;

  test(`${room}: what a gradient reads is kept, and refused once it was overwritten, nothing else is; rows of fours are read in fours`, () => {
    for (const item of learning) {
      for (const wanted of each(item)) {
        const what = `"${item.name}" with gradients for ${wanted}`;
        const { forward, back, named, gradients, kept, isInFours } = pass(software, item, wanted);
        const dispatches = [...forward, ...back].flatMap((each) => (each.kind === 'dispatch' ? [each] : []));
        for (const command of dispatches) {
          checkLanes({ label: command.label, program: command.built.program });
          const isInVectors = !command.label.includes('.scalar') || !isInFours || PARTS.includes(item.name);
          assert.ok(isInVectors, `${what}: ${command.label} reads one number at a time`);
        }
        const read = readBy(back);
        for (const [name, storage] of named) {
          let isRefused = false;
          try {
            pass(software, item, wanted, (tensors) => software.clear(tensors.get(name) as AnyTensor));
          } catch (error) {
            if (!(error instanceof FirstlightError) || error.code !== 'FL_OVERWRITTEN') throw error;
            isRefused = true;
          }
          assert.is(isRefused, read.has(storage), `${what}: ${name} is overwritten`);
        }
        pass(software, item, wanted, (tensors) => {
          for (const [name, tensor] of tensors) if (name !== 'result 0') tensor.dispose();
        });
        const own = [...named.values()];
        const idly = kept.filter((storage) => !own.includes(storage) && !read.has(storage)).map(({ label }) => label);
        assert.equal(idly, [], `${what}: kept, and not read`);
        assert.equal(idle([...forward, ...back], [...own, ...gradients]), [], `${what}: done for nothing`);
      }
    }
  });
}

test.run();
