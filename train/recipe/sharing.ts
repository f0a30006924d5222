import { dispose, type CapturedStep, Courier, type Gpu, Tensor } from '../../engine/index.ts';
import { f32Bytes } from '../../kernels/shared/sizes.ts';
import { addPacked, BLOCK, pack, packedLike, RECORD, unpack } from '../../kernels/wire/index.ts';
import type { BatchMoments } from '../../model/parts/batch_moments.ts';
import { bucketsOf, reachedIn, type Stretch, stretchOf } from './buckets.ts';
import { type GradientOptions, recordGradient, type Share, type Wire } from './gradient.ts';
import type { Optimizer } from './optimizer/index.ts';

/** into := from + into */
type Add = (from: Float32Array, into: Float32Array) => void;

/** What processes do together that share the micro-batches of each step. */
export interface Sharing {
  /** The micro-batches of this one. */
  readonly share: Share;
  /** How many processes there are, and the number of this one. */
  readonly size: number;
  readonly rank: number;
  /** Bytes of the gradient that travel together at most, unless one parameter has more. */
  readonly bucketBytes: number;
  /**
   * Compiles what the steps need, and resolves when all have: one process of a host ahead of its others, for whom
   * drivers keep what they have compiled. It may take one much longer than another.
   */
  ready(compile: () => Promise<unknown>): Promise<void>;
  /** Room for so many numbers that are to be summed, in units that stay together, and maybe for some behind them. */
  numbers(count: number, unit?: number): Float32Array;
  /**
   * Puts the sum of `numbers` over all processes into `into`, which may be the same. All sums follow one another, in
   * the order of the calls. @param step from 1  @param add how units are added; as numbers if omitted
   */
  sum(numbers: Float32Array, into: Float32Array, step: number, add?: Add): Promise<void>;
  /** A number that this process tells all others with a step; 0 is nothing. */
  tell(): number;
  /** What each told with a step, by rank. */
  hear(told: Float32Array): void;
}

interface SharedStepOptions extends Pick<GradientOptions, 'accumulation' | 'sum' | 'wire'> {
  readonly loss: (micro: number) => Tensor;
  /** What batch norms see; `loss` keeps that of its micro-batch. */
  readonly moments?: BatchMoments;
  /** Records the report of a step. @param losses [accumulation] */
  readonly append: (losses: Tensor, control: Tensor) => void;
}

/** A bucket on its way: from the GPU, to the other processes, and back. */
interface Parcel {
  readonly stretches: readonly Tensor[];
  /** The stretches in half precision, in the place of which it travels; undefined where they travel as they are. */
  readonly packed: Tensor<'u32'> | undefined;
  readonly courier: Courier;
  /** Where the sum over all processes comes together. */
  readonly sum: Float32Array;
}

/**
 * A step whose micro-batches several processes share, in two captured parts: losses and backward pass; norm, clipping
 * and update. Between them the gradient is summed over all. It travels in buckets: each comes to the host as soon as
 * the last backward pass has finished it, is summed while the GPU goes on, and is written in its place. Behind the last
 * one go the loss of each micro-batch, what batch norms saw of it, and what each process has to tell. So all processes
 * go on from the same numbers.
 */
export class SharedStep {
  readonly #gpu: Gpu;
  readonly #sharing: Sharing;
  readonly #gradient: CapturedStep<[], readonly Tensor[]>;
  readonly #update: CapturedStep<[], void>;
  readonly #parcels: readonly Parcel[];
  /** [accumulation], of all processes. */
  readonly #losses: Tensor;
  /** [accumulation, numbers], if there are batch norms. */
  readonly #moments: Tensor | undefined;
  /** The losses, the moments, and what is told, one behind the other. */
  readonly #numbers: Float32Array;
  /** Brings this process's losses, and the moments. */
  readonly #courier: Courier;

  constructor(gpu: Gpu, optimizer: Optimizer,
    { accumulation, sum, wire = 'f32', loss, moments, append }: SharedStepOptions, sharing: Sharing) {
    this.#gpu = gpu;
    this.#sharing = sharing;
    const { share, size } = sharing;
    const last = { first: share.first + share.count - 1, count: 1 };
    const reached = reachedIn(gpu, optimizer,
      () => void recordGradient(optimizer, { accumulation, sum, wire, share: last }, loss));
    const buckets = bucketsOf(optimizer.places, reached, sharing.bucketBytes);
    this.#parcels = buckets.map(({ stretches }) => this.#parcelOf(optimizer, stretches, wire));
    this.#moments = moments?.all;
    this.#numbers = sharing.numbers(accumulation + (moments?.all.size ?? 0) + size);
    this.#losses = gpu.keep(Tensor.zeros(gpu, [accumulation], 'losses'));
    this.#courier = new Courier(gpu, f32Bytes(share.count + (moments?.all.size ?? 0)));
    const onComplete = (bucket: number) => {
      const { courier, stretches, packed } = this.#parcels[bucket];
      if (packed !== undefined) eachFirst(stretches, (stretch, first) => pack(stretch, packed, first));
      gpu.whenSubmitted(() => courier.send(packed === undefined ? stretches : [packed]));
    };
    const parts = { buckets, onComplete };
    this.#gradient = gpu.capture(() => recordGradient(optimizer, { accumulation, sum, wire, share, parts }, loss));
    this.#update = gpu.capture(() => {
      for (const { stretches, packed } of this.#parcels) {
        if (packed !== undefined) eachFirst(stretches, (stretch, first) => unpack(packed, stretch, first));
      }
      moments?.follow();
      append(this.#losses, optimizer.step());
    });
  }

  #parcelOf({ gradients }: Optimizer, places: readonly Stretch[], wire: Wire): Parcel {
    const stretches = places.map((place) => this.#gpu.keep(stretchOf(gradients, place)));
    const size = stretches.reduce((total, stretch) => total + stretch.size, 0);
    const packed = wire === 'f16' ? this.#gpu.keep(packedLike(stretches[0], size)) : undefined;
    const sum = packed === undefined
      ? this.#sharing.numbers(size)
      : this.#sharing.numbers(packed.size, RECORD);
    return { stretches, packed, sum, courier: new Courier(this.#gpu, sum.byteLength) };
  }

  /** Goes through both parts, for `Gpu.compile`. */
  record(): void {
    this.#gradient.run();
    this.#update.run();
  }

  /** Resolves when the update is submitted. @param step from 1 */
  async run(step: number): Promise<void> {
    // on the way couriers are sent with what is complete
    const own = this.#gradient.run();
    this.#courier.send([...own, ...(this.#moments === undefined ? [] : [this.#moments])]);
    for (const parcel of this.#parcels) await this.#exchange(parcel, step);
    await this.#tell(step);
    this.#update.run();
  }

  /** Sums a bucket over all processes, and writes the sum in its place. */
  async #exchange({ stretches, packed, courier, sum }: Parcel, step: number): Promise<void> {
    await this.#sharing.sum(numbersIn(await courier.arrive()), sum, step, packed && addRecords);
    courier.leave();
    if (packed !== undefined) return packed.write(wordsIn(sum).subarray(0, packed.size));
    let at = 0;
    for (const stretch of stretches) stretch.write(sum.subarray(at, at += stretch.size));
  }

  /** Brings together what each process alone knows. */
  async #tell(step: number): Promise<void> {
    const { share: { first, count }, rank, size } = this.#sharing;
    let at = 0;
    const next = (length: number) => this.#numbers.subarray(at, at += length);
    const [losses, moments, told] = [this.#losses.size, this.#moments?.size ?? 0, size].map(next);
    // what others have is 0 here: in their sum it is theirs
    this.#numbers.fill(0);
    const own = numbersIn(await this.#courier.arrive());
    losses.set(own.subarray(0, count), first);
    const each = moments.length / losses.length;
    moments.set(own.subarray(count + first * each, count + (first + count) * each), first * each);
    this.#courier.leave();
    told[rank] = this.#sharing.tell();
    await this.#sharing.sum(this.#numbers, this.#numbers, step);
    this.#losses.write(losses);
    this.#moments?.write(moments);
    this.#sharing.hear(told);
  }

  dispose(): void {
    this.#gradient.dispose();
    this.#update.dispose();
    for (const { stretches, packed, courier } of this.#parcels) {
      courier.dispose();
      packed?.dispose();
      for (const stretch of stretches) stretch.dispose();
    }
    this.#courier.dispose();
    this.#losses.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}

const numbersIn = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);

/** The same bits as whole numbers. */
const wordsIn = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);

const addRecords: Add = (from, into) => addPacked(wordsIn(from), wordsIn(into));

/** Calls `work` with each stretch and the block that it begins with, one behind the other. */
function eachFirst(stretches: readonly Tensor[], work: (stretch: Tensor, first: number) => void): void {
  let first = 0;
  for (const stretch of stretches) {
    work(stretch, first);
    first += stretch.size / BLOCK;
  }
}
