/**
 * The rule by which rooms count their work (kernels/shared/cost.ts), held against what cases dispatch: every tensor at
 * the edge of an operation moves once. Nothing is computed: commands are looked at.
 */
import { type AnyTensor, backward, type FloatType, type Gpu, Random, Tensor } from '../engine/index.ts';
import type { Command } from '../engine/command.ts';
import type { Storage } from '../engine/storage.ts';
import { rooms } from '../kernels/index.ts';
import type { Case, Input } from '../kernels/shared/room.ts';
import { workloadsFor } from '../kernels/shared/workload.ts';
import * as assert from './assert.ts';
import { nullGpu } from './null_gpu.ts';
import { test } from './test.ts';

/** Bytes of storages, as stretches of them. */
class Stretches {
  readonly #of = new Map<Storage, (readonly [start: number, end: number])[]>();

  add(storage: Storage, offset: number, bytes: number): void {
    this.#of.set(storage, [...(this.#of.get(storage) ?? []), [offset, offset + bytes]]);
  }

  has(storage: Storage): boolean {
    return this.#of.has(storage);
  }

  get storages(): readonly Storage[] {
    return [...this.#of.keys()];
  }

  /** Of storages that somebody still looks at, or of all; what overlaps counts once. */
  bytes({ alive }: { readonly alive: boolean }): number {
    return [...this.#of].filter(([{ refs }]) => !alive || refs > 0).reduce((sum, [, stretches]) => {
      let end = 0;
      for (const [from, to] of [...stretches].sort(([a], [b]) => a - b)) {
        sum += Math.max(0, to - Math.max(from, end));
        end = Math.max(end, to);
      }
      return sum;
    }, 0);
  }
}

/**
 * What dispatches of a call read that was there before, and what they wrote of which somebody still knows when it is
 * over.
 */
interface Edge {
  readonly read: number;
  readonly written: number;
  /** What dispatches say of their arithmetic, of products alone. */
  readonly flops: number;
}

/**
 * The edge of what `work` dispatches. @param before storages that hold something, to which those are added that it
 * touches
 */
function edgeOf(gpu: Gpu, before: Set<Storage>, work: () => void): Edge {
  const [read, written] = [new Stretches(), new Stretches()];
  let flops = 0;
  const append = gpu.append.bind(gpu);
  gpu.append = (command: Command) => {
    if (command.kind !== 'dispatch') before.add(command.to.storage);
    // a gradient that is a view is copied to a place of its own
    if (command.kind === 'copy' && written.has(command.from.storage)) {
      written.add(command.to.storage, command.to.offset, command.bytes);
    }
    if (command.kind === 'dispatch') {
      flops += command.flops ?? 0;
      const bound = command.resources.flatMap((resource) => ('storage' in resource ? [resource] : []));
      for (const { kind, storage, offset, bytes } of bound) {
        if (!written.has(storage) && (kind === 'read' || before.has(storage))) read.add(storage, offset, bytes);
      }
      for (const { kind, storage, offset, bytes } of bound) {
        if (kind === 'read_write') written.add(storage, offset, bytes);
      }
    }
    append(command);
  };
  try {
    work();
  } finally {
    delete (gpu as Partial<Gpu>).append; // the class has it still
  }
  for (const storage of [...read.storages, ...written.storages]) before.add(storage);
  return { read: read.bytes({ alive: false }), written: written.bytes({ alive: true }), flops };
}

function made(gpu: Gpu, name: string, { shape, data, isWide }: Input, type: FloatType): AnyTensor {
  const dtype = data instanceof Uint32Array
    ? 'u32'
    : data instanceof Int32Array
    ? 'i32'
    : isWide === true
    ? 'f32'
    : type;
  return gpu.keep(Tensor.empty(gpu, shape, dtype, name) as AnyTensor);
}

function edgesOf(gpu: Gpu, item: Case, type: FloatType): { readonly forward: Edge; readonly gradient?: Edge } {
  const inputs = Object.fromEntries(
    Object.entries(item.inputs).map(([name, input]) => [name, made(gpu, name, input, type)]),
  );
  for (const name of item.wrt) inputs[name].requiresGrad = true;
  const storages = new Set(Object.values(inputs).map(({ storage }) => storage));
  let outputs: readonly AnyTensor[] = [];
  const forward = edgeOf(gpu, storages, () => void (outputs = item.run(inputs, type)));
  let gradient: Edge | undefined;
  if (item.wrt.length > 0) {
    const dy = gpu.keep((outputs[0] as Tensor).like(outputs[0].shape, 'dy'));
    const alive = new Set([...storages, dy.storage].filter(({ refs }) => refs > 0));
    gradient = edgeOf(gpu, alive, () => backward(outputs[0] as Tensor, dy));
    dy.dispose();
    for (const name of item.wrt) inputs[name].grad?.dispose();
  }
  for (const tensor of [...outputs, ...Object.values(inputs)]) tensor.dispose();
  return { forward, gradient };
}

/** Optimisers take several steps in their cases, one in their workloads. */
const OPTIMISERS = ['adamw', 'sgd'];
/** Several calls, between which tensors live that no edge of the whole has. */
const SEVERAL = /added to/;
/** Operations that read or write parts of what they bind. */
const PARTS = /^(1 × 1 by 2|slice|embedding|indexSelect|gather|scatterAdd|packed: most)/;
/**
 * A gradient that is dy itself is copied by a dispatch where it is an odd number of f16, because WebGPU copies whole
 * words.
 */
const isCopied = ({ name }: Case, type: FloatType) => type === 'f16' && /^(add|sub):|residual/.test(name);
/** Rooms whose dispatches state their products, which a plan adds up; the rest of their work is small beside them. */
const PRODUCTS = ['matmul', 'attention', 'convolution', 'patchify'];
/** Products that state the pairs that they leave out, too. */
const isHalf = ({ name }: Case) => name.includes('causal');
/** Products over what is only filled up, of which the gradient of the whole leaves some out. */
const isFilled = ({ name }: Case) => name.includes('filled up');
/** What a room of products has beside them. */
const isNone = ({ name }: Case) => name.includes('folded:');
/** Bytes of what is smaller than a tensor: settings, totals, what is bound in place of nothing. */
const SLACK = 64;

test('a cost moves every tensor at the edge of its operation once, and has the products, that its dispatches do', async () => {
  await using gpu = await nullGpu();
  const wrong: string[] = [];
  for (const room of rooms) {
    const isOptimiser = OPTIMISERS.includes(room.name);
    const items = isOptimiser
      ? [workloadsFor(gpu, room)[0].make()]
      : room.cases.filter(({ name }) => !SEVERAL.test(name));
    for (const item of items.filter(({ skip }) => skip?.(gpu) === undefined)) {
      for (const type of ['f32', 'f16'] as const) {
        const { forward, gradient } = edgesOf(gpu, item, type);
        for (const [direction, cost, edge] of [['forward', item.cost(type), forward], ['gradient',
          item.gradientCost?.(type), gradient]] as const) {
          if (cost === undefined || edge === undefined) continue;
          const share = edge.flops / cost.flops / (isHalf(item) ? 2 : 1);
          const states = PRODUCTS.includes(room.name) && !isNone(item);
          if (states ? share > 1 || share < (isFilled(item) ? 0.75 : 0.9) : share > 0) {
            wrong.push(
              `${room.name}, ${item.name}, ${direction} in ${type}: its dispatches state ${share} of its work`,
            );
          }
          for (const [what, counted, moved] of [['read', cost.bytesRead, edge.read], ['written', cost.bytesWritten,
            edge.written]] as const) {
            const title =
              `${room.name}, ${item.name}, ${direction} in ${type}: counts ${counted} bytes ${what}, the dispatches have ${moved} at their edge`;
            const isPart = PARTS.test(item.name) || isCopied(item, type);
            if (counted > 1.05 * moved + SLACK || (!isPart && counted < 0.9 * moved - SLACK)) wrong.push(title);
          }
        }
      }
    }
  }
  assert.equal(wrong, []);
});

test('workloads, of any size, are listed without their numbers, which take seconds to draw', () => {
  const own = Random.prototype.normal;
  let drawn = 0;
  Random.prototype.normal = function() {
    drawn++;
    return own.call(this);
  };
  try {
    const listed = rooms.flatMap(({ workloads }) => workloads.map(({ make }) => make().cost('f32')));
    assert.equal([listed.length > 50, drawn], [true, 0]);
  } finally {
    Random.prototype.normal = own;
  }
});

test.run();
