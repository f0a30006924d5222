import { DisposedTensorError, ShapeError } from './errors.ts';
import type { Gpu } from './gpu.ts';
import { halvesFrom, valuesOf } from './half.ts';
import type { Storage } from './storage.ts';
import { record, type TapeNode } from './tape.ts';

/** How numbers are stored. Kernels compute with f32 either way. */
export type FloatType = 'f32' | 'f16';

/** Element types that tensors store. */
export type DType = FloatType | 'u32' | 'i32';

export type Shape = readonly number[];

/** What the host hands over or gets back for each element type. f16 is rounded on its way to the GPU. */
export interface HostArrays {
  f32: Float32Array;
  f16: Float32Array;
  u32: Uint32Array;
  i32: Int32Array;
}

const ELEMENT_BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4, i32: 4 };
/** Copies and bindings come in whole words. */
const WORD_BYTES = 4;

/**
 * A dense, row-major array on the GPU: shape, dtype, and a view of pooled memory.
 *
 * A tensor belongs to the scope that made it and is freed with it unless the scope returns it; `dispose` (or `using`) frees
 * it earlier. What the tape needs for a backward pass it holds itself, so freeing a tensor never breaks a gradient.
 */
export class Tensor<D extends DType = FloatType> {
  readonly gpu: Gpu;
  readonly dtype: D;
  readonly shape: Shape;
  readonly size: number;
  readonly label: string;
  /** Offset into the storage's tensor region, in bytes, a multiple of the device's binding alignment. */
  readonly byteOffset: number;

  /** Whether a gradient flows to it: parameters, and everything computed from them while the tape records. */
  requiresGrad = false;
  /** How it was computed, if the tape recorded it. */
  node: TapeNode | undefined;
  /** dLoss/dthis, for parameters, once a backward pass reached them. */
  grad: Tensor | undefined;
  /** For a parameter that is stored as f16: its value in f32, which the optimiser changes. This tensor is then its rounded shadow. */
  master: Tensor<'f32'> | undefined;
  /** Its gradient is f32 though it is f16 itself: so are parameters and what is cut from them, for their gradients are long sums. */
  hasWideGradient = false;
  /** The parameter's own place in a gradient arena, where its gradient is written without a copy. */
  gradSlot: GradSlot | undefined;

  #storage: Storage;
  #owned = true;
  #holds = 1;

  constructor(gpu: Gpu, storage: Storage, shape: Shape, dtype: D, label: string, byteOffset = 0) {
    this.gpu = gpu;
    this.#storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.label = label;
    this.byteOffset = byteOffset;
    gpu.adopt(this);
  }

  /** An uninitialised tensor. A kernel must write every element. */
  static empty<D extends DType>(gpu: Gpu, shape: Shape, dtype: D, label = 'tensor'): Tensor<D> {
    for (const extent of shape) {
      if (!Number.isInteger(extent) || extent < 1) throw new ShapeError(label, `every extent must be a whole number of at least 1, got [${shape}]`);
    }
    gpu.requireType(dtype);
    return new Tensor(gpu, gpu.pool.take(sizeOf(shape) * ELEMENT_BYTES[dtype], label), shape, dtype, label);
  }

  /** Copies host data to the GPU. The dtype follows the array's type (for f16, write() to an empty tensor); the shape defaults to one dimension. */
  static from(gpu: Gpu, data: Float32Array, shape?: Shape, label?: string): Tensor<'f32'>;
  static from(gpu: Gpu, data: Uint32Array, shape?: Shape, label?: string): Tensor<'u32'>;
  static from(gpu: Gpu, data: Int32Array, shape?: Shape, label?: string): Tensor<'i32'>;
  static from(gpu: Gpu, data: HostArrays[DType], shape: Shape = [data.length], label = 'tensor'): AnyTensor {
    const dtype: DType = data instanceof Float32Array ? 'f32' : data instanceof Uint32Array ? 'u32' : 'i32';
    if (data.length !== sizeOf(shape)) throw new ShapeError(label, `${sizeOf(shape)} values fit [${shape}], got ${data.length}`);
    const tensor = Tensor.empty(gpu, shape, dtype, label);
    gpu.upload(tensor, data);
    return tensor;
  }

  /** A tensor of zeros. */
  static zeros(gpu: Gpu, shape: Shape, label = 'zeros'): Tensor<'f32'> {
    const tensor = Tensor.empty(gpu, shape, 'f32', label);
    gpu.clear(tensor);
    return tensor;
  }

  /** Overwrites the content from the host, after everything recorded so far. */
  write(data: HostArrays[D]): void {
    if (data.length !== this.size) throw new ShapeError(this.label, `${this.size} values fit [${this.shape}], got ${data.length}`);
    this.gpu.upload(this, data);
  }

  get elementBytes(): number {
    return ELEMENT_BYTES[this.dtype];
  }

  /** Bytes that it takes, in whole words: an odd number of f16 has two to spare. */
  get bytes(): number {
    return Math.ceil((this.size * this.elementBytes) / WORD_BYTES) * WORD_BYTES;
  }

  /** The memory behind it. Throws when it was freed. */
  get storage(): Storage {
    if (this.#holds === 0) throw new DisposedTensorError(`${this.label} [${this.shape}]`);
    return this.#storage;
  }

  get isDisposed(): boolean {
    return this.#holds === 0;
  }

  /** An uninitialised tensor of the same dtype; for the outputs of a kernel. */
  like(shape: Shape = this.shape, label = this.label): Tensor<D> {
    return Tensor.empty(this.gpu, shape, this.dtype, label);
  }

  /** An uninitialised tensor of f32, for sums and statistics of this one, which f16 would spoil. */
  wide(shape: Shape, label: string): Tensor<'f32'> {
    return Tensor.empty(this.gpu, shape, 'f32', label);
  }

  /** How its gradient is stored. */
  get gradType(): FloatType {
    return this.dtype === 'f16' && !this.hasWideGradient ? 'f16' : 'f32';
  }

  /**
   * An uninitialised tensor for this tensor's gradient: the parameter's own place in its gradient arena if nothing was
   * written there yet in this step, else fresh memory.
   */
  gradLike(): Tensor {
    const slot = this.gradSlot;
    if (slot === undefined || slot.filled || slot.claimed) return Tensor.empty(this.gpu, this.shape, this.gradType, `d ${this.label}`);
    slot.claimed = true;
    return slot.place.alias(this.shape);
  }

  /** Another handle on the same memory, not recorded on the tape. */
  alias(shape: Shape = this.shape, byteOffset = 0): Tensor<D> {
    const storage = this.storage;
    storage.refs++;
    const alias = new Tensor(this.gpu, storage, shape, this.dtype, this.label, this.byteOffset + byteOffset);
    alias.hasWideGradient = this.hasWideGradient;
    return alias;
  }

  /** The same elements in another shape; one extent may be −1. Shares memory. */
  reshape(shape: Shape): Tensor<D> {
    const known = shape.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
    const full = shape.map((extent) => (extent === -1 ? this.size / known : extent));
    if (sizeOf(full) !== this.size || shape.filter((extent) => extent === -1).length > 1) {
      throw new ShapeError('reshape', `[${this.shape}] has ${this.size} elements, [${shape}] does not`);
    }
    return record(this.alias(full), [this], (dy) => [dy.reshape(this.shape)], []);
  }

  /** A tensor with the same content that the tape knows nothing of. Shares memory. */
  detach(): Tensor<D> {
    return this.alias();
  }

  /** The content, once everything recorded before has run. */
  read(): Promise<HostArrays[D]> {
    return this.gpu.read([this]).then(([data]) => data as HostArrays[D]);
  }

  /** The value of a tensor with one element. */
  item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError('item', `[${this.shape}] has ${this.size} elements, need 1`);
    return this.read().then(([value]) => value);
  }

  /** Gives the memory back as soon as the tape does not hold it. Disposing twice does nothing. */
  dispose(): void {
    if (!this.#owned) return;
    this.#owned = false;
    this.gpu.forgetLeak(this);
    this.node?.release();
    this.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The tape holds the content until a matching `release`. */
  hold(): void {
    if (this.#holds === 0) throw new DisposedTensorError(`${this.label} [${this.shape}]`);
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    this.gpu.pool.drop(this.#storage);
  }

  /** Moves the content's home, e.g. into an arena; the old memory is given back. */
  rehome(place: AnyTensor): void {
    const old = this.storage;
    place.storage.refs++;
    this.#storage = place.storage;
    (this as { byteOffset: number }).byteOffset = place.byteOffset;
    this.gpu.pool.drop(old);
  }

  /**
   * Stores a parameter as f16 from now on: its memory becomes its `master`, which only the optimiser and checkpoints look at, and kernels
   * are given a rounded shadow of it.
   */
  halve(this: Tensor): void {
    if (this.dtype === 'f16') return;
    this.gpu.keep((this.master = this.alias() as Tensor<'f32'>));
    using shadow = Tensor.empty(this.gpu, this.shape, 'f16', this.label);
    this.gpu.copy(this.master, shadow);
    this.rehome(shadow);
    (this as { dtype: FloatType }).dtype = 'f16';
    this.hasWideGradient = true;
  }
}

/** A tensor of any element type. */
export type AnyTensor = Tensor<DType>;

/** Where a parameter's gradient lives in an arena. */
export interface GradSlot {
  readonly place: Tensor;
  /** A kernel of this backward pass was told to write here. */
  claimed: boolean;
  /** The place holds a gradient of this step. */
  filled: boolean;
  /** The place held a gradient of some step: until then it is zero. */
  everFilled: boolean;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** What the host gets for the bytes of a tensor with `size` elements. */
export function fromBytes(dtype: DType, size: number, bytes: ArrayBuffer): HostArrays[DType] {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes);
    case 'f16':
      return valuesOf(new Uint16Array(bytes, 0, size));
    case 'u32':
      return new Uint32Array(bytes);
    case 'i32':
      return new Int32Array(bytes);
  }
}

/** What the GPU gets, in whole words. */
export function toBytes(dtype: DType, data: HostArrays[DType]): Uint8Array<ArrayBuffer> {
  if (dtype !== 'f16') return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const halves = new Uint16Array(2 * Math.ceil(data.length / 2));
  halves.set(halvesFrom(data as Float32Array));
  return new Uint8Array(halves.buffer);
}

/** The tensors in a value, in arrays and plain objects too. */
export function* tensorsIn(value: unknown): Generator<AnyTensor> {
  if (value instanceof Tensor) yield value;
  else if (Array.isArray(value)) for (const item of value) yield* tensorsIn(item);
  else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    for (const item of Object.values(value)) yield* tensorsIn(item);
  }
}
