/** What a step takes beside losses and gradients, from a second of an adapter: the update, and copies to the host. */
import { type Gpu, Tensor } from '../../engine/index.ts';
import { configuredOptimizer, type OptimizerOptions } from '../recipe/optimizer/index.ts';

export interface ExchangeSpeed {
  /** Norm, clipping and update of a parameter. */
  readonly updateSeconds: number;
  /** For a byte from the GPU to the host, and back. */
  readonly copySeconds: number;
}

/** Parameters that are updated: some 16 MB of each of their numbers, more than caches of cards hold. */
const PARAMETERS = 1 << 22;
/** The first round maps memory for the first time. */
const ROUNDS = 4;

/** Measures the update of some parameters by the optimiser of a run, and copies of their gradient. */
export async function measureExchange(gpu: Gpu,
  optim: OptimizerOptions & { readonly weightDecay: number }): Promise<ExchangeSpeed> {
  const parameter = gpu.keep(Tensor.zeros(gpu, [PARAMETERS], 'parameters'));
  parameter.requiresGrad = true;
  const { weightDecay } = optim;
  using optimizer = configuredOptimizer(gpu, [{ name: 'all', lrScale: 1, weightDecay,
    parameters: [['parameters', parameter]] }], optim);
  optimizer.schedule([0]);
  optimizer.zeroGrad();
  optimizer.settle();
  const { nanoseconds } = await gpu.stretch(() => void optimizer.step());
  const [gradient] = optimizer.gradients;
  let copySeconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    gradient.write(await gradient.read());
    await optimizer.lossScale.read(); // behind what is written
    copySeconds = Math.min(copySeconds, (performance.now() - start) / 1000 / gradient.bytes);
  }
  parameter.dispose();
  return { updateSeconds: nanoseconds / 1e9 / PARAMETERS, copySeconds };
}
