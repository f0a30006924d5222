/** A case that is ready to be called, and timed on the GPU's clock and on the wall's. */
import { type AnyTensor, backward, type FloatType, type Gpu, Tensor } from '../../engine/index.ts';
import type { Case, Input } from '../../kernels/shared/room.ts';

export type Direction = 'forward' | 'gradient';

/**
 * One call: what it dispatched, how long each dispatch took on the GPU, and all of it by both clocks, in nanoseconds.
 */
export interface Sample {
  /** Variants of the kernels, in the order of the dispatches: the ends of their names. */
  readonly variants: readonly string[];
  /** Programs, constants and workgroups of all dispatches: equal for two calls that did the same. */
  readonly fingerprint: string;
  readonly dispatches: readonly number[];
  readonly gpu: number;
  readonly wall: number;
}

/**
 * What goes before the work that is timed: one dispatch, which wakes the machine up, as other kernels would have in a
 * model.
 */
export type WarmUp = () => void;

async function sampleOf(gpu: Gpu, warmUp: WarmUp, work: () => void): Promise<Sample> {
  const start = performance.now();
  const [warm, ...times] = await gpu.profile(() => {
    warmUp();
    work();
  });
  const wall = (performance.now() - start) * 1e6 - warm.nanoseconds;
  const dispatches = times.map(({ nanoseconds }) => nanoseconds);
  return {
    variants: times.map(({ kernel }) => kernel.slice(kernel.lastIndexOf('.') + 1)),
    fingerprint: times.map(({ program }) => program).join('\n'),
    dispatches,
    gpu: dispatches.reduce((sum, nanoseconds) => sum + nanoseconds, 0),
    wall,
  };
}

/** Inputs of a case on the GPU, those with gradients ready for them. */
export class Prepared {
  readonly #gpu: Gpu;
  readonly #item: Case;
  readonly #type: FloatType;
  readonly #warmUp: WarmUp;
  readonly #inputs: Readonly<Record<string, AnyTensor>>;
  /**
   * The gradient of the result, made once: written anew before each call, it would drive out of the caches what the
   * forward pass left there.
   */
  #dy: Tensor | undefined;

  constructor(gpu: Gpu, item: Case, type: FloatType, warmUp: WarmUp) {
    this.#gpu = gpu;
    this.#warmUp = warmUp;
    this.#item = item;
    this.#type = type;
    this.#inputs = Object.fromEntries(
      Object.entries(item.inputs).map(([name, input]) => [name, upload(gpu, name, input, type)]),
    );
    for (const name of item.wrt) this.#inputs[name].requiresGrad = true;
  }

  /** One forward pass and, where there is one, one gradient. @param between is called after the first of them */
  async sample(between?: () => void): Promise<Record<Direction, Sample | undefined>> {
    let outputs: readonly AnyTensor[] = [];
    const forward = await sampleOf(this.#gpu, this.#warmUp,
      () => void (outputs = this.#item.run(this.#inputs, this.#type)));
    between?.();
    const gradient = this.#item.wrt.length === 0 ? undefined : await this.#gradient(outputs[0] as Tensor);
    for (const output of outputs) output.dispose();
    return { forward, gradient };
  }

  async #gradient(y: Tensor): Promise<Sample> {
    this.#dy ??= this.#ones(y);
    const dy = this.#dy;
    const sample = await sampleOf(this.#gpu, this.#warmUp, () => backward(y, dy));
    for (const name of this.#item.wrt) {
      this.#inputs[name].grad?.dispose();
      this.#inputs[name].grad = undefined;
    }
    return sample;
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
