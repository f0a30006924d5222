/** Runs a case of a room, forward and backward, on chosen candidates, and brings its results to the host. */
import { type AnyTensor, backward, type Candidate, type Gpu, Random, Tensor } from '../../engine/index.ts';
import type { Command } from '../../engine/command.ts';
import type { Direction } from '../programs.ts';
import type { Case, Input } from '../shared/room.ts';
import { floatOf, isStored, type Storage } from './storage.ts';

/** A tensor on the host, and how it was stored. */
export interface Result {
  readonly type: string;
  readonly values: ArrayLike<number>;
}

/** Outputs and gradients of one run of a case, on the host. */
export interface Results {
  readonly outputs: readonly Result[];
  readonly gradients: Readonly<Record<string, Result>>;
  /** What was dispatched, as `kernel.variant`. */
  readonly ran: ReadonlySet<string>;
}

function upload(gpu: Gpu, name: string, input: Input, storage: Storage): AnyTensor {
  const { shape, data } = input;
  if (storage !== 'f32' && isStored(input, 'f16')) {
    const tensor = Tensor.empty(gpu, shape, 'f16', name);
    tensor.write(data as Float32Array);
    tensor.hasWideGradient = storage === 'f16, f32 gradients';
    return tensor;
  }
  if (data instanceof Float32Array) return Tensor.from(gpu, data, shape, name);
  return data instanceof Uint32Array ? Tensor.from(gpu, data, shape, name) : Tensor.from(gpu, data, shape, name);
}

/** dLoss/dy for a case: the same random numbers in every run. */
export function seedGradient(item: Case, size: number): Float32Array {
  const random = new Random(2, `dy of ${item.name}`);
  return Float32Array.from({ length: size }, () => random.normal());
}

/** A case whose commands were given. Its tensors are to be disposed of. */
export interface Recorded {
  readonly inputs: Readonly<Record<string, AnyTensor>>;
  readonly outputs: readonly AnyTensor[];
  /** Of `wrt`, in its order. */
  readonly gradients: readonly AnyTensor[];
  readonly dispatches: readonly Dispatch[];
}

/** A dispatch of a case. */
export interface Dispatch {
  readonly kernel: string;
  readonly variant: string;
  readonly direction: Direction;
  readonly command: Extract<Command, { kind: 'dispatch' }>;
}

/** Calls `work`, and notes all that it dispatches on a context. */
function noting<T>(gpu: Gpu, direction: Direction, noted: Dispatch[], work: () => T): T {
  const append = gpu.append.bind(gpu);
  gpu.append = (command) => {
    if (command.kind === 'dispatch') {
      const end = command.label.lastIndexOf('.');
      noted.push({ kernel: command.label.slice(0, end), variant: command.label.slice(end + 1), direction, command });
    }
    append(command);
  };
  try {
    return work();
  } finally {
    delete (gpu as Partial<Gpu>).append; // the class has it still
  }
}

/** Does some work with candidates preferred for kernels, and no others. */
export function preferring<T>(gpu: Gpu, chosen: ReadonlyMap<string, Candidate>, work: () => T): T {
  gpu.candidates.clear();
  for (const [kernel, candidate] of chosen) gpu.candidates.prefer(kernel, candidate);
  try {
    return work();
  } finally {
    gpu.candidates.clear();
  }
}

/** Gives the commands of a case, forward and backward, with the given candidates preferred. */
export function recordCase(gpu: Gpu, item: Case, chosen: ReadonlyMap<string, Candidate>, storage: Storage,
  seed = seedGradient): Recorded {
  return preferring(gpu, chosen, () => recordPreferred(gpu, item, storage, seed));
}

function recordPreferred(gpu: Gpu, item: Case, storage: Storage, seed: typeof seedGradient): Recorded {
  const dispatches: Dispatch[] = [];
  const inputs = Object.fromEntries(
    Object.entries(item.inputs).map(([name, input]) => [name, upload(gpu, name, input, storage)]),
  );
  for (const name of item.wrt) inputs[name].requiresGrad = true;
  const outputs = noting(gpu, 'forward', dispatches, () => item.run(inputs, floatOf(storage)));
  if (item.wrt.length > 0) {
    using dy = outputs[0].like(outputs[0].shape, 'dy') as Tensor;
    dy.write(seed(item, dy.size));
    noting(gpu, 'gradient', dispatches, () => backward(outputs[0] as Tensor, dy));
  }
  const gradients = item.wrt.map((name) => {
    const gradient = inputs[name].grad;
    if (gradient === undefined) throw new Error(`${item.name}: no gradient for ${name}`);
    return gradient;
  });
  return { inputs, outputs, gradients, dispatches };
}

/**
 * Runs a case and reads its results. A kernel that did not run as its candidate says is an error: what is claimed of
 * the candidate would not be true.
 */
export async function runCase(gpu: Gpu, item: Case, chosen: ReadonlyMap<string, Candidate>, storage: Storage,
  seed = seedGradient): Promise<Results> {
  const recorded = recordCase(gpu, item, chosen, storage, seed);
  const other = recorded.dispatches.find(({ kernel, variant }) =>
    chosen.has(kernel) && chosen.get(kernel)?.variant !== variant
  );
  const results = await readCase(gpu, item, recorded);
  if (other !== undefined) {
    throw new Error(
      `${item.name}: ${other.kernel} was to run as ${chosen.get(other.kernel)?.variant}, and ran as ${other.variant}`,
    );
  }
  return results;
}

/** The results of a case that was recorded, in one readback; it is disposed of. */
export async function readCase(gpu: Gpu, item: Case, recorded: Recorded): Promise<Results> {
  const results = await resultsOf(gpu, item, recorded);
  disposeOf(recorded);
  return results;
}

/** The results of a case that was recorded, in one readback. */
export async function resultsOf(gpu: Gpu, item: Case, { outputs, gradients, dispatches }: Recorded): Promise<Results> {
  const data = await gpu.read([...outputs, ...gradients]);
  return {
    outputs: outputs.map(({ dtype }, i) => ({ type: dtype, values: data[i] })),
    gradients: Object.fromEntries(
      item.wrt.map((name, i) => [name, { type: gradients[i].dtype, values: data[outputs.length + i] }]),
    ),
    ran: new Set(dispatches.map(({ kernel, variant }) => `${kernel}.${variant}`)),
  };
}

/** Frees the tensors of a case that was recorded. */
export function disposeOf({ inputs, outputs, gradients }: Recorded): void {
  for (const tensor of [...outputs, ...gradients, ...Object.values(inputs)]) tensor.dispose();
}
