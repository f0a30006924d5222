import { backward, type AnyTensor, type Candidate, candidateText, type FloatType, type Gpu, Random,
  Tensor } from '../engine/index.ts';
import type { Command } from '../engine/command.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { halfTolerance } from '../kernels/shared/half_tolerance.ts';
import { matrixVariantNames } from '../kernels/shared/matrix.ts';
import type { Case, Input, Room, Tolerance } from '../kernels/shared/room.ts';
import { asserted } from './asserted.ts';
import { close } from './close.ts';

/** A tensor on the host, and how it was stored. */
interface Result {
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

/** How the inputs of a case are stored; `f16, f32 gradients` as parameters are: their gradients keep all digits. */
export type Storage = FloatType | 'f16, f32 gradients';

/** Something known of cases of a room. */
export interface Entry {
  readonly room: string;
  readonly what: RegExp;
  readonly why: string;
}

/** One step of finite differences, and the largest number of elements of an input that are tried. */
const STEP = 1e-5;
const TRIED = 12;

/**
 * Candidates for the kernels of a room in its case `number`, with inputs stored so: each variant of each kernel at its
 * default sizes at least once, the others at their first chosen; and of the candidates that differ from those in sizes
 * alone one, another from case to case.
 */
export function combinations(gpu: Gpu, room: Room, number = 0,
  stored: FloatType = 'f32'): ReadonlyMap<string, Candidate>[] {
  const rows = room.kernels.map((kernel) => {
    const all = kernel.candidates(gpu, stored);
    const plain = all.filter(({ variant }, i) => all.findIndex((chosen) => chosen.variant === variant) === i);
    return { name: kernel.name, plain, resized: all.filter((chosen) => !plain.includes(chosen)) };
  });
  const most = Math.max(...rows.map(({ plain }) => plain.length));
  const atDefaults = Array.from({ length: most },
    (_, i) => new Map(rows.map(({ name, plain }) => [name, plain[i] ?? plain[0]])));
  if (rows.every(({ resized }) => resized.length === 0)) return atDefaults;
  return [...atDefaults,
    new Map(rows.map(({ name, plain, resized }) => [name, resized[number % resized.length] ?? plain[0]]))];
}

/**
 * Names of the chosen candidates, for titles and reports; `engine` where no kernel of the room is dispatched, as by a
 * cast.
 */
export function candidateName(chosen: ReadonlyMap<string, Candidate>): string {
  return [...new Set([...chosen.values()].map(candidateText))].join('+') || 'engine';
}

/** Ways to store the inputs of a case on this device. f16 needs numbers that it can hold. */
export function storages(gpu: Gpu, item: Case): Storage[] {
  const floats = Object.values(item.inputs).filter((input) => isStored(input, 'f16'));
  const fits = ({ data }: Input) =>
    Float32Array.from(data).every((value) => Math.abs(value) < 65520 || !Number.isFinite(value));
  if (!gpu.features.has('shader-f16') || (floats.length === 0 && item.takesType !== true) || !floats.every(fits)) {
    return ['f32'];
  }
  return item.wrt.length === 0 ? ['f32', 'f16'] : ['f32', 'f16', 'f16, f32 gradients'];
}

function isStored({ data, isWide }: Input, type: FloatType): boolean {
  return data instanceof Float32Array && (type === 'f32' || isWide !== true);
}

function floatOf(storage: Storage): FloatType {
  return storage === 'f32' ? 'f32' : 'f16';
}

/** The nearest numbers that can be stored. */
function rounded(values: Float32Array, type: string): Float32Array {
  return type === 'f16' ? valuesOf(halvesFrom(values)) : values;
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

/** Tensors of a case, all of them to be disposed of. */
interface Recorded {
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
  readonly command: Extract<Command, { kind: 'dispatch' }>;
}

/** Calls `record`, and returns its result and all that it dispatched on a context. */
function watched<T>(gpu: Gpu, record: () => T): { result: T; dispatches: readonly Dispatch[] } {
  const dispatches: Dispatch[] = [];
  const append = gpu.append.bind(gpu);
  gpu.append = (command) => {
    if (command.kind === 'dispatch') {
      const end = command.label.lastIndexOf('.');
      dispatches.push({ kernel: command.label.slice(0, end), variant: command.label.slice(end + 1), command });
    }
    append(command);
  };
  try {
    return { result: record(), dispatches };
  } finally {
    delete (gpu as Partial<Gpu>).append; // the class has it still
  }
}

/** Gives the commands of a case, forward and backward, with the given candidates preferred. */
export function recordCase(gpu: Gpu, item: Case, chosen: ReadonlyMap<string, Candidate>, storage: Storage,
  seed = seedGradient): Recorded {
  gpu.candidates.clear();
  for (const [kernel, candidate] of chosen) gpu.candidates.prefer(kernel, candidate);
  try {
    const { result, dispatches } = watched(gpu, () => recordPreferred(gpu, item, storage, seed));
    return { ...result, dispatches };
  } finally {
    gpu.candidates.clear();
  }
}

function recordPreferred(gpu: Gpu, item: Case, storage: Storage,
  seed: typeof seedGradient): Omit<Recorded, 'dispatches'> {
  const inputs = Object.fromEntries(
    Object.entries(item.inputs).map(([name, input]) => [name, upload(gpu, name, input, storage)]),
  );
  for (const name of item.wrt) inputs[name].requiresGrad = true;
  const outputs = item.run(inputs, floatOf(storage));
  if (item.wrt.length > 0) {
    using dy = outputs[0].like(outputs[0].shape, 'dy') as Tensor;
    dy.write(seed(item, dy.size));
    backward(outputs[0] as Tensor, dy);
  }
  const gradients = item.wrt.map((name) => {
    const gradient = inputs[name].grad;
    if (gradient === undefined) throw new Error(`${item.name}: no gradient for ${name}`);
    return gradient;
  });
  return { inputs, outputs, gradients };
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

/** A body that, if it fails, says which command repeats it. */
export function repeatable(command: string, body: () => Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await body();
    } catch (error) {
      if (error instanceof Error) error.message += `\n    again: ${command}`;
      throw error;
    }
  };
}

/** The results of a case that was recorded. */
export async function readCase(gpu: Gpu, item: Case,
  { inputs, outputs, gradients, dispatches }: Recorded): Promise<Results> {
  const data = await gpu.read([...outputs, ...gradients]);
  for (const tensor of [...outputs, ...gradients, ...Object.values(inputs)]) tensor.dispose();
  return {
    outputs: outputs.map(({ dtype }, i) => ({ type: dtype, values: data[i] })),
    gradients: Object.fromEntries(
      item.wrt.map((name, i) => [name, { type: gradients[i].dtype, values: data[outputs.length + i] }]),
    ),
    ran: new Set(dispatches.map(({ kernel, variant }) => `${kernel}.${variant}`)),
  };
}

/** A case with what is stored as f16 on the way if it is run so. */
export function asRunBy(chosen: ReadonlyMap<string, Candidate>, item: Case): Case {
  const onMatrices = [...chosen.values()].some(({ variant }) => matrixVariantNames.includes(variant));
  return onMatrices ? { ...item, ...item.onMatrices } : item;
}

/** Compares a result of a case with float64, and throws. */
type Comparison = (what: string, inputs: FloatType, result: Result, want: Float64Array, tolerance: Tolerance,
  summands: Case['stored']) => void;

/** Forward and every gradient against float64. */
export function checkAgainstReference(item: Case, results: Results, storage: Storage, seed = seedGradient,
  compare: Comparison = compareAll): void {
  const type = floatOf(storage);
  const inputs = inputs64(item, type);
  const want = item.reference(inputs);
  if (want.length !== results.outputs.length) {
    throw new Error(`${item.name}: ${results.outputs.length} outputs, the reference has ${want.length}`);
  }
  want.forEach((values, i) =>
    compare(`${item.name}: output ${i}`, type, results.outputs[i], values, item.tolerance, item.stored)
  );
  if (item.wrt.length === 0) return;
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const dy = rounded(seed(item, want[0].length), results.outputs[0].type);
  const gradients = item.gradient(inputs, Float64Array.from(dy));
  for (const name of item.wrt) {
    compare(`${item.name}: d${name}`, type, results.gradients[name], gradients[name],
      item.gradientTolerance ?? item.tolerance, item.gradientStored);
  }
}

/** A result against float64, with the tolerance of f32, or what f16 makes of it. */
export function compareAll(what: string, inputs: FloatType, { type, values }: Result, want: Float64Array,
  tolerance: Tolerance, summands: Case['stored']): void {
  const stored = type === 'f16' ? 'f16' : 'f32';
  if (inputs === 'f32' && stored === 'f32') return close(what, values, want, tolerance);
  // what is too large for f16 is infinite there
  const reachable = stored === 'f16'
    ? want.map((v) => (Math.abs(v) >= 65520 ? Math.sign(v) * Number.POSITIVE_INFINITY : v))
    : want;
  close(what, values, reachable, halfTolerance(tolerance, stored, summands));
}

/** The float64 gradient itself against central differences of the float64 forward, at a few elements of each input. */
export function checkFiniteDifferences(item: Case): void {
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const inputs = inputs64(item, 'f32');
  const dy = Float64Array.from(seedGradient(item, item.reference(inputs)[0].length));
  const gradients = item.gradient(inputs, dy);
  const loss = () => item.reference(inputs)[0].reduce((sum, y, i) => sum + y * dy[i], 0);
  const random = new Random(3, item.name);
  for (const name of item.wrt) {
    const x = inputs[name];
    const tried = x.length <= TRIED
      ? Array.from(x.keys())
      : Array.from({ length: TRIED }, () => random.below(x.length));
    for (const i of tried) {
      const before = x[i];
      if (!Number.isFinite(before)) continue; // −∞ has no neighbours
      const step = STEP * Math.max(1, Math.sqrt(Math.abs(before)));
      x[i] = before + step;
      const above = loss();
      x[i] = before - step;
      const below = loss();
      x[i] = before;
      // rounding of a loss of this size, spread over the step, bounds what differences can tell
      const noise = (Math.abs(above) * 1e-14) / step;
      close(`${item.name}: finite difference at ${name}[${i}]`, [gradients[name][i]], [(above - below) / (2 * step)], {
        atol: 1e-5 + noise,
        rtol: 1e-4,
      });
    }
  }
}

/**
 * Throws unless two runs gave the same bits, where both stored a result in the same way, or else the same once rounded
 * to f16.
 */
export function checkEqualBits(item: Case, first: Results, second: Results): void {
  asserted();
  const results = (run: Results) => [...run.outputs, ...Object.values(run.gradients)];
  results(first).forEach(({ type, values }, i) => {
    const other = results(second)[i];
    const [a, b] = type === other.type
      ? [words(values), words(other.values)]
      : [halvesFrom(values as Float32Array), halvesFrom(other.values as Float32Array)];
    const at = a.findIndex((word, j) => word !== b[j]);
    if (at >= 0) throw new Error(`${item.name}: result ${i} differs at element ${at} on a second run`);
  });
}

function words(values: ArrayLike<number>): Uint32Array {
  return new Uint32Array((values as Float32Array).buffer);
}

/** Inputs as they are stored. */
function inputs64(item: Case, type: FloatType): Record<string, Float64Array> {
  const stored = (
    input: Input,
  ) => (type === 'f16' && isStored(input, 'f16') ? rounded(input.data as Float32Array, 'f16') : input.data);
  return Object.fromEntries(
    Object.entries(item.inputs).map(([name, input]) => [name, Float64Array.from(stored(input) as ArrayLike<number>)]),
  );
}
