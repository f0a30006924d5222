import { assign, type Gpu, type Module, parameter, Random, type Shape, sizeOf,
  type Tensor } from '../../engine/index.ts';

/** Fills a new parameter. */
export type Init = (random: Random, shape: Shape) => Float32Array;

const draw = (shape: Shape, next: () => number) => Float32Array.from({ length: sizeOf(shape) }, next);

export const zeros: Init = (_, shape) => new Float32Array(sizeOf(shape));
export const constant = (value: number): Init => (_, shape) => new Float32Array(sizeOf(shape)).fill(value);
export const ones = constant(1);

/** N(0, std²). */
export const normal = (std: number): Init => (random, shape) => draw(shape, () => std * random.normal());

/** N(0, std²) within ±2 (in absolute value, as timm's `trunc_normal_` has it): drawn again when outside. */
export const truncatedNormal = (std: number): Init => (random, shape) =>
  draw(shape, () => {
    for (;;) {
      const value = std * random.normal();
      if (Math.abs(value) <= 2) return value;
    }
  });

/** U(−bound, bound). */
export const uniform = (bound: number): Init => (random, shape) => draw(shape, () => bound * (2 * random.next() - 1));

/** U(±√(6 / (fanIn + fanOut))) for a weight [fanOut, fanIn]. Glorot & Bengio 2010, eq. 16. */
export const xavierUniform: Init = (random, shape) =>
  uniform(Math.sqrt(6 / (shape[0] + sizeOf(shape.slice(1)))))(random, shape);

/** U(±fanIn^−½): what torch's Linear and Conv2d draw for weights, and for biases with the fan-in of their weight. */
export const torchDefault = (fanIn: number): Init => uniform(fanIn ** -0.5);

/** How the weights of an attention or a block start. */
export interface BlockInit {
  readonly inProjection: Init;
  readonly outProjection: Init;
  readonly expand: Init;
  readonly contract: Init;
  /** Biases of the MLP; those of attention start at zero. */
  readonly expandBias: Init;
  readonly contractBias: Init;
}

/** Official start of a block of a ViT: torch's defaults (the official `init_weights` is never called). */
export function vitInit(width: number, hidden: number): BlockInit {
  return {
    inProjection: xavierUniform,
    outProjection: torchDefault(width),
    expand: torchDefault(width),
    contract: torchDefault(hidden),
    expandBias: torchDefault(width),
    contractBias: torchDefault(hidden),
  };
}

const inits = new WeakMap<Tensor, Init>();

/** A parameter that knows how it starts. It is zero until `initialise` or a checkpoint fills it. */
export function initialised(gpu: Gpu, name: string, shape: Shape, init: Init): Tensor {
  const tensor = parameter(gpu, name, shape);
  inits.set(tensor, init);
  return tensor;
}

/**
 * Draws every parameter of a model. Each has a stream of its own, named after it, so the values do not depend on what
 * else the model has.
 *
 * @param override another start for some parameters, by full name  @param needless parameters that a checkpoint will
 * fill
 */
export function initialise(model: Module, seed: number, override: (name: string) => Init | undefined = () => undefined,
  needless?: ReadonlySet<string>): void {
  for (const [name, tensor] of model.parameters()) {
    if (needless?.has(name)) continue;
    const init = override(name) ?? inits.get(tensor);
    if (init === undefined) throw new Error(`${name} has no initialisation`);
    assign(name, tensor, init(new Random(seed, `init ${name}`), tensor.shape));
  }
}
