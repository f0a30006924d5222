import { backward, type AnyTensor, type Gpu, Random, Tensor } from '../engine/index.ts';
import type { Case, Input, Room } from '../kernels/shared/room.ts';
import { close } from './close.ts';

/** Outputs and gradients of one run of a case, on the host. */
interface Results {
  readonly outputs: readonly ArrayLike<number>[];
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

/** One step of finite differences, and the largest number of elements of an input that are tried. */
const STEP = 1e-5;
const TRIED = 12;

/** Every way to run a room: each variant of each of its kernels at least once, the others at their first choice. */
export function choices(gpu: Gpu, room: Room): ReadonlyMap<string, string>[] {
  const most = Math.max(...room.kernels.map((kernel) => kernel.variants(gpu).length));
  return Array.from({ length: most }, (_, i) => new Map(room.kernels.map((kernel) => [kernel.name, kernel.variants(gpu)[i] ?? kernel.variants(gpu)[0]])));
}

/** Names of the chosen variants, for reports. */
export function choiceName(choice: ReadonlyMap<string, string>): string {
  return [...new Set(choice.values())].join('+');
}

function upload(gpu: Gpu, name: string, { shape, data }: Input): AnyTensor {
  if (data instanceof Float32Array) return Tensor.from(gpu, data, shape, name);
  return data instanceof Uint32Array ? Tensor.from(gpu, data, shape, name) : Tensor.from(gpu, data, shape, name);
}

/** dLoss/dy for a case: the same random numbers in every run. */
function seedGradient(item: Case, size: number): Float32Array {
  const random = new Random(2, `dy of ${item.name}`);
  return Float32Array.from({ length: size }, () => random.normal());
}

/** Runs a case, forward and backward, with the given variants. */
export async function runCase(gpu: Gpu, item: Case, choice: ReadonlyMap<string, string>): Promise<Results> {
  gpu.preferences.clear();
  for (const [kernel, variant] of choice) gpu.preferences.set(kernel, variant);
  const inputs = Object.fromEntries(Object.entries(item.inputs).map(([name, input]) => [name, upload(gpu, name, input)]));
  for (const name of item.wrt) inputs[name].requiresGrad = true;
  const outputs = item.run(inputs);
  if (item.wrt.length > 0) {
    using dy = Tensor.from(gpu, seedGradient(item, outputs[0].size), outputs[0].shape, 'dy');
    backward(outputs[0] as Tensor, dy);
  }
  const gradients = item.wrt.map((name) => {
    const gradient = inputs[name].grad;
    if (gradient === undefined) throw new Error(`${item.name}: no gradient for ${name}`);
    return gradient;
  });
  const data = await gpu.read([...outputs, ...gradients]);
  gpu.preferences.clear();
  for (const tensor of [...outputs, ...gradients, ...Object.values(inputs)]) tensor.dispose();
  return {
    outputs: data.slice(0, outputs.length),
    gradients: Object.fromEntries(item.wrt.map((name, i) => [name, data[outputs.length + i] as Float32Array])),
  };
}

/** Forward and every gradient against float64. */
export function checkAgainstReference(item: Case, results: Results): void {
  const inputs = inputs64(item);
  const want = item.reference(inputs);
  if (want.length !== results.outputs.length) throw new Error(`${item.name}: ${results.outputs.length} outputs, the reference has ${want.length}`);
  want.forEach((values, i) => close(`${item.name}: output ${i}`, results.outputs[i], values, item.tolerance));
  if (item.wrt.length === 0) return;
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const gradients = item.gradient(inputs, Float64Array.from(seedGradient(item, want[0].length)));
  for (const name of item.wrt) close(`${item.name}: d${name}`, results.gradients[name], gradients[name], item.gradientTolerance ?? item.tolerance);
}

/** The float64 gradient itself against central differences of the float64 forward, at a few elements of each input. */
export function checkFiniteDifferences(item: Case): void {
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const inputs = inputs64(item);
  const dy = Float64Array.from(seedGradient(item, item.reference(inputs)[0].length));
  const gradients = item.gradient(inputs, dy);
  const loss = () => item.reference(inputs)[0].reduce((sum, y, i) => sum + y * dy[i], 0);
  const random = new Random(3, item.name);
  for (const name of item.wrt) {
    const x = inputs[name];
    const tried = x.length <= TRIED ? Array.from(x.keys()) : Array.from({ length: TRIED }, () => random.below(x.length));
    for (const i of tried) {
      const before = x[i];
      const step = STEP * Math.max(1, Math.sqrt(Math.abs(before)));
      x[i] = before + step;
      const above = loss();
      x[i] = before - step;
      const below = loss();
      x[i] = before;
      // rounding of a loss of this size, spread over the step, bounds what differences can tell
      const noise = (Math.abs(above) * 1e-14) / step;
      close(`${item.name}: finite difference at ${name}[${i}]`, [gradients[name][i]], [(above - below) / (2 * step)], { atol: 1e-5 + noise, rtol: 1e-4 });
    }
  }
}

/** Throws unless two runs gave the same bits. */
export function checkEqualBits(item: Case, first: Results, second: Results): void {
  const arrays = (results: Results) => [...results.outputs, ...Object.values(results.gradients)] as Float32Array[];
  arrays(first).forEach((array, i) => {
    const [a, b] = [new Uint32Array(array.buffer), new Uint32Array(arrays(second)[i].buffer)];
    const at = a.findIndex((word, j) => word !== b[j]);
    if (at >= 0) throw new Error(`${item.name}: result ${i} differs at element ${at} on a second run`);
  });
}

function inputs64(item: Case): Record<string, Float64Array> {
  return Object.fromEntries(Object.entries(item.inputs).map(([name, input]) => [name, Float64Array.from(input.data as ArrayLike<number>)]));
}
