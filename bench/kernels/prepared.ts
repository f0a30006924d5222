/** A case that is ready to be called, and timed. */
import { type AnyTensor, backward, type FloatType, type Gpu, Tensor } from '../../engine/index.ts';
import type { Case, Input } from '../../kernels/shared/room.ts';
import type { Clock, Sample } from '../clock.ts';

export type Direction = 'forward' | 'gradient';

/** What times it, and wakes the machine up before. */
export interface Timing {
  readonly clock: Clock;
  warmUp(): void;
}

/** What was seen of both directions; undefined where there is no gradient. */
export type Samples = Readonly<Record<Direction, Sample | undefined>>;

interface SampleOptions {
  readonly like?: Samples;
  between?(): void;
}

/** Inputs of a case on the GPU, those with gradients ready for them. */
export class Prepared {
  readonly #gpu: Gpu;
  readonly #item: Case;
  readonly #type: FloatType;
  readonly #timing: Timing;
  readonly #inputs: Readonly<Record<string, AnyTensor>>;
  /**
   * The gradient of the result, made once: written anew before each call, it would drive out of the caches what the
   * forward pass left there.
   */
  #dy: Tensor | undefined;
  /** Of the last forward pass. */
  #outputs: readonly AnyTensor[] = [];

  constructor(gpu: Gpu, item: Case, type: FloatType, timing: Timing) {
    this.#gpu = gpu;
    this.#timing = timing;
    this.#item = item;
    this.#type = type;
    this.#inputs = Object.fromEntries(
      Object.entries(item.inputs).map(([name, input]) => [name, upload(gpu, name, input, type)]),
    );
    for (const name of item.wrt) this.#inputs[name].requiresGrad = true;
  }

  /**
   * One forward pass and, where there is one, one gradient.
   *
   * @param options `like`: earlier samples of the same variant; `between` is called after the forward pass
   */
  async sample({ like, between }: SampleOptions = {}): Promise<Samples> {
    try {
      const forward = await this.#time(() => this.#forward(), like?.forward);
      between?.();
      const gradient = this.#item.wrt.length === 0 ? undefined : await this.#gradient(like?.gradient);
      return { forward, gradient };
    } finally {
      this.#dropOutputs();
      this.#dropGradients();
    }
  }

  #time(work: () => void, like: Sample | undefined): Promise<Sample> {
    const { clock } = this.#timing;
    return clock.sample(work, () => this.#timing.warmUp(), like);
  }

  #forward(): void {
    this.#dropOutputs();
    this.#outputs = this.#item.run(this.#inputs, this.#type);
    for (const output of this.#outputs) this.#gpu.keep(output);
  }

  /** Of one forward pass, whose graph stays: a clock may call it many times. */
  #gradient(like: Sample | undefined): Promise<Sample> {
    const dy = (this.#dy ??= this.#ones(this.#outputs[0] as Tensor));
    return this.#time(() => {
      this.#dropGradients();
      backward(this.#outputs[0] as Tensor, dy, { retainGraph: true });
    }, like);
  }

  #dropOutputs(): void {
    for (const output of this.#outputs) output.dispose();
    this.#outputs = [];
  }

  #dropGradients(): void {
    for (const name of this.#item.wrt) {
      this.#inputs[name].grad?.dispose();
      this.#inputs[name].grad = undefined;
    }
  }

  #ones(y: Tensor): Tensor {
    const dy = this.#gpu.keep(y.like(y.shape, 'dy'));
    dy.write(new Float32Array(dy.size).fill(1));
    return dy;
  }

  dispose(): void {
    this.#dy?.dispose();
    for (const tensor of Object.values(this.#inputs)) tensor.dispose();
  }
}

function upload(gpu: Gpu, name: string, { shape, data, isWide }: Input, type: FloatType): AnyTensor {
  const dtype = data instanceof Uint32Array
    ? 'u32'
    : data instanceof Int32Array
    ? 'i32'
    : isWide === true
    ? 'f32'
    : type;
  const tensor = gpu.keep(Tensor.empty(gpu, shape, dtype, name) as AnyTensor);
  tensor.write(data as never);
  return tensor;
}
