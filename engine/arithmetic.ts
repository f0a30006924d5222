/** The arithmetic that the engine itself needs: adding gradients, and converting between element types. */
import { ContextError, ShapeError } from './errors.ts';
import { flat, flatTiles } from './flat.ts';
import { Kernel } from './kernel.ts';
import { inRanges } from './ranges.ts';
import { type AnyTensor, Tensor } from './tensor.ts';
import { part } from './wgsl.ts';

const addition = new Kernel('add_gradients', [await part(import.meta.url, './sum.wgsl'), flat]);
const accumulation = new Kernel('accumulate', [await part(import.meta.url, './accumulate.wgsl'), flat]);
const conversion = new Kernel('convert', [await part(import.meta.url, './convert.wgsl'), flat]);

/** A new tensor a + b, of one shape and type: how the tape adds gradients. */
export function sum(a: Tensor, b: Tensor): Tensor {
  const total = a.like(a.shape, `d ${a.label}`);
  overElements(addition, { a, b, sum: total });
  return total;
}

/** total := total + x, each stored in its own way: how gradients of micro-batches are added up. */
export function accumulate(total: Tensor, x: Tensor): void {
  overElements(accumulation, { total, x });
}

/** target := source; equal sizes. f32 and f16 are converted into each other. */
export function copy(source: AnyTensor, target: AnyTensor): void {
  if (source.size !== target.size) throw new ShapeError('copy', `[${source.shape}] does not fit [${target.shape}]`);
  if (source.gpu !== target.gpu) throw new ContextError('copy', `"${target.label}"`);
  // commands copy whole words: of an odd number of f16, one more than the tensor has, which may be its neighbour's
  const isWhole = (source.size * source.elementBytes) % 4 === 0;
  if (source.dtype !== target.dtype || !isWhole) return overElements(conversion, { x: source, y: target });
  const placeOf = ({ storage, byteOffset: offset }: AnyTensor) => ({ storage, offset });
  source.gpu.append({ kind: 'copy', from: placeOf(source), to: placeOf(target), bytes: source.bytes });
}

/** Runs an element-wise kernel on tensors of one size, in as many dispatches as the binding limit asks for. */
function overElements(kernel: Kernel, tensors: Readonly<Record<string, AnyTensor>>): void {
  const [{ gpu, size }] = Object.values(tensors);
  inRanges(gpu, size, tensors, (some, n) => {
    const { tile, grid } = flatTiles(gpu, n);
    kernel.run(gpu, { tensors: some, params: { n, tile }, grid });
  });
}
