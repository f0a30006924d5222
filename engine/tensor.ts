import type { Context } from './context.ts';
import { dispose } from './disposal.ts';
import { bytesOf, type DType, ELEMENT_BYTES, type FloatType, HOST_ARRAYS, type HostArrays, type Shape,
  sizeOf } from './dtype.ts';
import { CaptureError, DisposedTensorError, DTypeError, FirstlightError, ShapeError } from './errors.ts';
import { Handle } from './handle.ts';
import { type Hold, recordNode, type TapeNode } from './node.ts';
import type { Storage } from './storage.ts';

/**
 * A dense, row-major array on the GPU: shape, dtype, and a view of pooled memory.
 *
 * A tensor belongs to the scope that made it and is freed with it unless the scope returns it; `dispose` (or `using`)
 * frees it earlier. What the tape needs for a backward pass it holds itself, so freeing a tensor never breaks a
 * gradient.
 */
export class Tensor<D extends DType = FloatType> extends Handle {
  readonly gpu: Context;
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
  /**
   * For a parameter that is stored as f16: its value in f32, which the optimiser changes. This tensor is then its
   * rounded shadow.
   */
  master: Tensor<'f32'> | undefined;
  /**
   * Its gradient is f32 though it is f16 itself: so are parameters and what is cut from them, for their gradients are
   * long sums.
   */
  hasWideGradient = false;
  /** The parameter's own place in a gradient arena, where its gradient is written without a copy. */
  gradSlot: GradPlace | undefined;

  #storage: Storage;
  #grad: Tensor | undefined;
  #owned = true;
  #holds = 1;

  constructor(gpu: Context, storage: Storage, shape: Shape, dtype: D, label: string, byteOffset = 0) {
    super();
    this.gpu = gpu;
    this.#storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.label = label;
    this.byteOffset = byteOffset;
    gpu.adopt(this);
    gpu.recording?.noteMade(this);
  }

  /** An uninitialised tensor. A kernel must write every element. */
  static empty<D extends DType>(gpu: Context, shape: Shape, dtype: D, label = 'tensor'): Tensor<D> {
    checkExtents(label, shape);
    gpu.requireType(dtype);
    return new Tensor(gpu, gpu.pool.take(sizeOf(shape) * ELEMENT_BYTES[dtype], label), shape, dtype, label);
  }

  /**
   * Copies host data to the GPU. The dtype follows the array's type (for f16, write() to an empty tensor); the shape
   * defaults to one dimension.
   */
  static from(gpu: Context, data: Float32Array, shape?: Shape, label?: string): Tensor<'f32'>;
  static from(gpu: Context, data: Uint32Array, shape?: Shape, label?: string): Tensor<'u32'>;
  static from(gpu: Context, data: Int32Array, shape?: Shape, label?: string): Tensor<'i32'>;
  static from(gpu: Context, data: HostArrays[DType], shape: Shape = [data.length], label = 'tensor'): AnyTensor {
    const dtype = (['f32', 'u32', 'i32'] as const).find((type) => data instanceof HOST_ARRAYS[type]);
    if (dtype === undefined) {
      throw new DTypeError(label, 'host data', 'Float32Array, Uint32Array or Int32Array', kindOf(data),
        'convert it: Float32Array.from(data)');
    }
    checkExtents(label, shape);
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(label, `${sizeOf(shape)} values fit [${shape}], got ${data.length}`);
    }
    const tensor = Tensor.empty(gpu, shape, dtype, label);
    gpu.upload(tensor, data);
    return tensor;
  }

  /** A tensor of zeros. */
  static zeros(gpu: Context, shape: Shape, label?: string): Tensor<'f32'>;
  static zeros<D extends DType>(gpu: Context, shape: Shape, label: string, dtype: D): Tensor<D>;
  static zeros(gpu: Context, shape: Shape, label = 'zeros', dtype: DType = 'f32'): AnyTensor {
    const tensor = Tensor.empty(gpu, shape, dtype, label);
    if (!tensor.storage.isZero) gpu.clear(tensor);
    return tensor;
  }

  /**
   * Overwrites the content from the host, after everything recorded so far. A graph that saved the old content refuses
   * its backward pass.
   */
  write(data: HostArrays[D]): void {
    const array = HOST_ARRAYS[this.dtype];
    if (!(data instanceof array)) {
      throw new DTypeError(this.label, `host data for ${this.dtype}`, array.name, kindOf(data),
        `convert it: ${array.name}.from(data)`);
    }
    if (data.length !== this.size) {
      throw new ShapeError(this.label, `${this.size} values fit [${this.shape}], got ${data.length}`);
    }
    this.gpu.upload(this, data);
  }

  get elementBytes(): number {
    return ELEMENT_BYTES[this.dtype];
  }

  /** Bytes that it takes, in whole words: an odd number of f16 has two to spare. */
  get bytes(): number {
    return bytesOf(this.dtype, this.size);
  }

  /** dLoss/dthis, for parameters, once a backward pass reached them. */
  get grad(): Tensor | undefined {
    this.gpu.recording?.noteGradient(this, this.#grad);
    return this.#grad;
  }

  set grad(gradient: Tensor | undefined) {
    this.gpu.recording?.noteGradient(this, this.#grad);
    this.#grad = gradient;
  }

  /** The memory behind it. Throws when it was freed. */
  get storage(): Storage {
    if (this.#holds === 0 && this.gpu.recording?.lent.has(this.#storage) !== true) {
      throw new DisposedTensorError(`${this.label} [${this.shape}]`);
    }
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
    return this.gradSlot?.lend() ?? Tensor.empty(this.gpu, this.shape, this.gradType, `d ${this.label}`);
  }

  /** Another handle on the same memory, or on a part of it, not recorded on the tape. */
  alias(shape: Shape = this.shape, byteOffset = 0): Tensor<D> {
    const storage = this.storage;
    checkExtents(this.label, shape);
    if (byteOffset < 0 || byteOffset + sizeOf(shape) * this.elementBytes > this.bytes) {
      throw new ShapeError(this.label,
        `[${shape}] from byte ${byteOffset} on is no part of [${this.shape}], which has ${this.bytes} bytes`);
    }
    storage.refs++;
    const alias = new Tensor(this.gpu, storage, shape, this.dtype, this.label, this.byteOffset + byteOffset);
    alias.hasWideGradient = this.hasWideGradient;
    return alias;
  }

  /** The same elements in another shape; one extent may be −1. Shares memory. */
  reshape(shape: Shape): Tensor<D> {
    if (shape.filter((extent) => extent === -1).length > 1) {
      throw new ShapeError('reshape', `one extent may be −1, got [${shape}]`);
    }
    const known = shape.reduce((product, extent) => (extent === -1 ? product : product * extent), 1);
    const full = shape.map((extent) => (extent === -1 ? this.size / known : extent));
    if (!full.every((extent) => Number.isInteger(extent) && extent >= 1) || sizeOf(full) !== this.size) {
      throw new ShapeError('reshape', `[${this.shape}] has ${this.size} elements, which do not make [${shape}]`);
    }
    return recordNode(this.alias(full), [this], (dy: Tensor) => [dy.reshape(this.shape)], []);
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
    const isPutOff = this.gpu.recording?.noteDisposal(this, () => {
      this.#owned = true;
    });
    if (isPutOff) return;
    this.gpu.forgetLeak(this);
    this.node?.release();
    this.#release();
  }

  [dispose](): void {
    this.dispose();
  }

  /** The tape holds the content until the hold is released. */
  hold(): Hold {
    const storage = this.storage;
    const watch = storage.watch(this.byteOffset, this.bytes);
    if (this.#holds === 0) storage.refs++; // was freed, but a recorded step lends its memory
    this.#holds++;
    return {
      what: `${this.label} [${this.shape}]`,
      get isOverwritten() {
        return watch.isOverwritten;
      },
      release: () => {
        storage.unwatch(watch);
        this.#release();
      },
    };
  }

  #release(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    this.gpu.pool.drop(this.#storage);
  }

  /** Moves the content's home, e.g. into an arena, maybe stored in another way; the old memory is given back. */
  rehome(place: Tensor<D>): void {
    const old = this.storage;
    if (this.gpu.recording?.isNew(this) === false) {
      throw new CaptureError(`${this.label} [${this.shape}] would move into other memory`,
        'make the optimiser, or halve(), before the capture: every run would make another one');
    }
    if (this.#holds > 1) {
      throw new FirstlightError('FL_IN_USE',
        `${this.label} [${this.shape}] cannot move: an operation saved it for its gradient`, {},
        'make the optimiser, or halve(), before the forward pass');
    }
    place.storage.refs++;
    this.#storage = place.storage;
    Object.assign(this, { byteOffset: place.byteOffset, dtype: place.dtype });
    old.moves++;
    this.gpu.pool.drop(old);
  }
}

/** A tensor of any element type. */
export type AnyTensor = Tensor<DType>;

/** Where a parameter's gradient lives in an arena: see `GradSlot`. */
interface GradPlace {
  /**
   * The place, for a kernel to write the first gradient there; undefined if something is there already, or about to be.
   */
  lend(): Tensor | undefined;
  /** The place holds the sum of what it held and of `gradient`. */
  add(gradient: Tensor): void;
  /** Whether a gradient was written into the place. */
  isHere(gradient: Tensor): boolean;
}

function checkExtents(label: string, shape: Shape): void {
  if (!shape.every((extent) => Number.isInteger(extent) && extent >= 1)) {
    throw new ShapeError(label, `every extent must be a whole number of at least 1, got [${shape}]`);
  }
}

/** What a value is, for errors. */
function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'object') : String(value);
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
