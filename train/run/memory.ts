import { ENGINE_BYTES, estimate, FirstlightError, formatBytes, type Gpu, halve, noGrad,
  Tensor } from '../../engine/index.ts';
import { type ModelConfig, textWidthOf } from '../../model/systems/config.ts';
import { textBatch } from '../../model/parts/text.ts';
import { type Compared, requireTexts, type VideoModel } from '../../model/systems/system.ts';
import { mostOpen } from '../../mpi/order.ts';
import type { TrainConfig } from './config_keys.ts';
import { recordGradient, type Share } from '../recipe/gradient.ts';
import { textsLearn } from '../recipe/optimizer/index.ts';
import { RunStep } from '../recipe/step.ts';
import { newModel } from './system.ts';
import type { TextSizes } from './texts.ts';

/** Bytes that a run takes on the GPU at its worst moment. */
export interface RunMemory {
  /** Weights, the frozen ones, shadows in half precision and running statistics too. */
  readonly parameters: number;
  /** That of the step, sums that wait for those of micro-batches behind them, and what it travels to others through. */
  readonly gradients: number;
  readonly moments: number;
  /** Pixels, labels, texts. */
  readonly inputs: number;
  /** What comes and goes within a step, as its plan lays it out. */
  readonly activations: number;
  /** `ENGINE_BYTES`. */
  readonly engine: number;
  readonly total: number;
}

/** What a run would take of memory, and each of its steps of arithmetic. */
export interface RunEstimate {
  readonly memory: RunMemory;
  /** Multiply-adds of an optimiser step, gradients too. */
  readonly macs: number;
}

/** Goes through the making of a run's model and one step of it, without taking memory. */
export function estimateRun(gpu: Gpu, config: TrainConfig, model: ModelConfig, sizes: TextSizes | undefined,
  share = wholeOf(config)): RunEstimate {
  let frozen = 0;
  const { resident, stepBytes, totalBytes, macs } = estimate(gpu, () => {
    for (const [, { requiresGrad, bytes, master }] of runOneStep(gpu, config, model, sizes, share).state()) {
      if (!requiresGrad) frozen += bytes + (master?.bytes ?? 0);
    }
  });
  const sum = (pattern: RegExp) =>
    [...resident].reduce((total, [label, bytes]) => (pattern.test(label) ? total + bytes : total), 0);
  const gradient = sum(/^arena .*\.grads$/);
  const waiting = (microBatches: number) => (config.train.sum === 'tree' ? gradient * (mostOpen(microBatches) - 1) : 0);
  const recorded = recordedOf(share).count;
  const travelling = share.count < config.train.accumulation ? gradient : 0;
  const kept = { parameters: frozen + sum(/^arena .*\.(values|shadow)$/), moments: sum(/^arena .*\.(m|v|momentum)$/) };
  const memory = { parameters: kept.parameters, gradients: gradient + waiting(share.count) + travelling,
    moments: kept.moments, inputs: sum(/./) - kept.parameters - kept.moments - gradient,
    activations: stepBytes - waiting(recorded), engine: ENGINE_BYTES,
    total: totalBytes + waiting(share.count) - waiting(recorded) + travelling + ENGINE_BYTES };
  return { memory, macs: macs * config.train.accumulation / recorded };
}

/**
 * Micro-batches that are gone through. All have inputs of their own; beyond the second, before which a gradient waits,
 * they take nothing else but gradients that wait.
 */
const recordedOf = ({ first, count }: Share): Share => ({ first, count: Math.min(count, 2) });

/** All micro-batches of a step, which a process alone has. */
const wholeOf = ({ train }: TrainConfig): Share => ({ first: 0, count: train.accumulation });

/** Makes the model of a run and runs a step of it: for those who only go through it. Returns the model. */
export function runOneStep(gpu: Gpu, config: TrainConfig, model: ModelConfig, sizes: TextSizes | undefined,
  share = wholeOf(config)): VideoModel {
  const { train, optim } = config;
  const built = newModel(gpu, config, model);
  if (train.precision === 'f16') halve(built);
  const texts = sizes && textsLike(gpu, config, built, sizes);
  const step = new RunStep(gpu, { model: built, texts, train, optim, share });
  gpu.capture(() => {
    recordGradient(step.optimizer, { ...train, share: recordedOf(share) }, (micro) => step.loss(micro));
    step.optimizer.step();
  }).run();
  return built;
}

/** Texts as `StepTexts` has them: those of a step, and those of all templates. */
function textsLike(gpu: Gpu, { train }: TrainConfig, model: VideoModel,
  { classes, templates, length }: TextSizes): Compared {
  const width = textWidthOf(model.config) as number;
  const features = (count: number) =>
    gpu.keep(Tensor.empty(gpu, [count, width], train.precision, 'text features') as Tensor);
  if (textsLearn(train.tune, model.config)) {
    return textBatch(gpu, new Int32Array(classes * length).fill(requireTexts(model).vocab - 1), length);
  }
  if (templates > 1) features(templates * classes);
  return { features: features(classes) };
}

/** What a run would take of memory. */
export function memoryOf(gpu: Gpu, config: TrainConfig, model: ModelConfig, texts: TextSizes | undefined,
  share?: Share): RunMemory {
  return estimateRun(gpu, config, model, texts, share).memory;
}

/** Bytes that come and go while one clip is compared with one text, beside the weights. */
function evaluationBytesOf(gpu: Gpu, config: TrainConfig, model: ModelConfig): number {
  const { resident, totalBytes } = estimate(gpu, () => {
    const built = newModel(gpu, config, model);
    if (config.train.precision === 'f16') halve(built);
    const { frames, size, type } = built.input;
    noGrad(() =>
      gpu.scope(() => {
        const pixels = Tensor.empty(gpu, [1, frames, 3, size, size], type, 'pixels');
        const texts = built.texts
          && { features: Tensor.empty(gpu, [1, textWidthOf(model) as number], type, 'text features') as Tensor };
        built.forward(pixels as Tensor, texts);
      })
    );
  });
  return totalBytes - [...resident.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * Stops a run that could be trained, but not measured on `data.val`: not even one clip fits beside what training holds.
 *
 * @throws FirstlightError FL_OOM
 */
export function checkEvaluationMemory(gpu: Gpu, config: TrainConfig, model: ModelConfig, training: RunMemory): void {
  const { budget } = gpu.pool;
  if (!Number.isFinite(budget)) return;
  const need = training.total + evaluationBytesOf(gpu, config, model);
  if (need <= budget) return;
  throw new FirstlightError('FL_OOM',
    `measuring one clip of data.val needs ${formatBytes(need)} on the GPU with what training holds, the budget is ${
      formatBytes(budget)
    }`, { need, budget }, 'train with less (train.recompute, train.batch), leave data.val out, or raise run.memoryGiB');
}

/** One line for people. */
export function memoryLine({ total, ...parts }: RunMemory): string {
  return `${short(total)}: ${Object.entries(parts).map(([name, bytes]) => `${name} ${short(bytes)}`).join(', ')}`;
}

const short = (bytes: number) => formatBytes(bytes).replace(/ \(.*/, '');

/** What a run could be told to do with less memory. */
const REMEDIES: readonly { readonly name: (config: TrainConfig) => string;
  readonly change: (train: TrainConfig['train']) => TrainConfig['train'] | undefined }[] = [
    { name: () => 'train.recompute=true',
      change: (train) => (train.recompute ? undefined : { ...train, recompute: true }) },
    {
      name: ({ train }) => `train.batch=${train.batch / 2} train.accumulation=${2 * train.accumulation}`,
      change: (
        train,
      ) => (train.batch % 2 !== 0
        ? undefined
        : { ...train, batch: train.batch / 2, accumulation: 2 * train.accumulation }),
    },
    { name: () => 'train.precision=f16',
      change: (train) => (train.precision === 'f16' ? undefined : { ...train, precision: 'f16' }) },
  ];

/**
 * Stops a run that would not fit before it takes anything, and says what would: each remedy is estimated as the run
 * itself.
 *
 * @param share micro-batches of a step that are this process's; all if omitted
 * @throws FirstlightError FL_OOM
 */
export function checkMemory(gpu: Gpu, config: TrainConfig, model: ModelConfig, texts: TextSizes | undefined,
  share?: Share): RunMemory {
  const memory = memoryOf(gpu, config, model, texts, share);
  const { budget } = gpu.pool;
  if (memory.total <= budget) return memory;
  const remedies = REMEDIES.flatMap(({ name, change }) => {
    const train = change(config.train);
    if (train === undefined || (train.precision === 'f16' && !gpu.features.has('shader-f16'))) return [];
    const { total } = memoryOf(gpu, { ...config, train }, model, texts,
      share && { first: 0, count: share.count * train.accumulation / config.train.accumulation });
    return [
      `--set ${name(config).replaceAll(' ', ' --set ')}: ${short(total)}${total <= budget ? '' : ', still too much'}`,
    ];
  });
  throw new FirstlightError(
    'FL_OOM',
    `this run needs ${formatBytes(memory.total)} on the GPU, the budget is ${formatBytes(budget)}\n${
      memoryLine(memory)
    }`,
    { ...memory, budget },
    [...remedies, 'or raise run.memoryGiB, if the machine has more'].join('\n'),
  );
}
