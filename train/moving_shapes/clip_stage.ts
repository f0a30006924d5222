import { type FloatType, type Gpu, halve, Tensor } from '../../engine/index.ts';
import { saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { Clip } from '../../model/systems/clip.ts';
import { configFor, PRESETS } from '../../model/systems/config.ts';
import { type Init, initialise, normal } from '../../model/parts/init.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { type TextBatch, textBatch } from '../../model/parts/text.ts';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import { BatchesByStep } from '../data/loading/batches.ts';
import { contrastiveLoss, equalCaptions } from '../recipe/contrastive.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { readLabels, readList } from '../data/sets/lists.ts';
import { CAPTIONS, CLASS_NAMES } from './scenes.ts';
import type { MovingShapesFolder } from './files.ts';
import type { RunRecorder } from '../log/recorder.ts';
import { AdamW, recipeGroups } from '../recipe/optimizer/index.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import type { Schedule } from '../recipe/schedule.ts';
import { recordStep, trainStage } from '../recipe/stage.ts';
import type { StopRequest } from '../run/stop.ts';
import { trainingPreprocessor } from '../run/system.ts';
import { inPairs } from './pairs.ts';

/**
 * Words of the class names that occur in no caption, such as "growing", stay as they start. Larger than the recipe's,
 * so that they do not vanish beside the words that were learned.
 */
function startOf(name: string): Init | undefined {
  if (name === 'token_embedding.weight') return normal(0.1);
  return name === 'positional_embedding' ? normal(0.05) : undefined;
}

/** Pictures, each with its caption, that are compared with each other. */
const BATCH = 64;
const LR = 2e-3;
const LOG_EVERY = 5;

/** The rates of so many steps. */
export const clipSchedule = (steps: number): Schedule => ({ form: 'plain', baseLr: LR, minLr: 0,
  warmup: Math.min(50, Math.ceil(steps / 10)), total: steps });

/** Whether a step is logged: the first, the last, and every fifth. */
export const isLogged = (step: number, steps: number): boolean =>
  step % LOG_EVERY === 0 || step === steps || step === 1;

export interface ClipStage {
  readonly gpu: Gpu;
  readonly data: MovingShapesFolder;
  readonly seed: number;
  readonly precision: FloatType;
  readonly steps: number;
  readonly recorder: RunRecorder;
  readonly stop: StopRequest;
}

/** Captions in tokens, and a tiny CLIP for them: its vocabulary is theirs, and that of the class names. */
async function captioned(captions: readonly string[]) {
  const { tokenizer } = (await clipTokenizer()).compact([...captions, ...CLASS_NAMES]);
  const towers = { ...PRESETS.tiny, text: { ...PRESETS.tiny.text, vocab: tokenizer.vocabSize } };
  const config = configFor('clip-mean', towers);
  const { ids, length } = tokenizer.tokenize(captions, config.text.context);
  return { tokenizer, config, ids, length };
}

/** What a step works on: a model, its optimiser, pictures, captions and targets. */
class ClipStep {
  readonly model: Clip;
  readonly optimizer: AdamW;
  readonly pixels: Tensor;
  readonly texts: TextBatch;
  readonly target: Tensor;

  /** @param count of pictures  @param length tokens of a caption */
  constructor(gpu: Gpu, model: Clip, count: number, length: number) {
    const { imageSize } = model.config.vision;
    this.model = model;
    this.optimizer = new AdamW(gpu, recipeGroups(model, { weightDecay: 0.001, newPartsLrScale: 1 }), { beta1: 0.9,
      beta2: 0.98, eps: 1e-8, maxNorm: 1 });
    this.pixels = gpu.keep(Tensor.empty(gpu, [count, 3, imageSize, imageSize], model.input.type, 'pixels') as Tensor);
    this.texts = textBatch(gpu, new Int32Array(count * length), length);
    this.target = gpu.keep(Tensor.zeros(gpu, [count, count], 'targets'));
  }

  loss(): Tensor {
    return contrastiveLoss(this.model.comparePictures(this.pixels, this.model.encodeText(this.texts)), this.target);
  }

  /** All but the model. */
  dispose(): void {
    this.optimizer.dispose();
    this.pixels.dispose();
    this.texts[Symbol.dispose]();
    this.target.dispose();
  }
}

/** What a step of the stage runs, for `Gpu.warm`: known before there is a data set. */
export async function clipWork(gpu: Gpu, precision: FloatType): Promise<() => void> {
  const { config, length } = await captioned(CAPTIONS);
  return () => {
    const model = new Clip(gpu, config);
    if (precision === 'f16') halve(model);
    const step = new ClipStep(gpu, model, BATCH, length);
    gpu.capture(() => recordStep(step.optimizer, 1, () => step.loss())).run();
  };
}

/**
 * Stage 1 of the demo: a tiny CLIP learns from captioned pictures what colours, shapes, sizes and places are called.
 * Its vocabulary is that of the captions and the class names.
 */
async function trainClip({ gpu, data, seed, precision, steps, recorder, stop }: ClipStage): Promise<System> {
  const captions = readLabels(data.labels.captions);
  const { tokenizer, config, ids, length } = await captioned(captions);
  const { imageSize } = config.vision;
  const preprocessor = trainingPreprocessor(imageSize, false);
  const { entries } = readList(data.lists.stills, { root: data.folder, names: captions, firstLabel: 0 });
  const dataset = new Dataset(entries, { frames: 1, size: imageSize, crop: false, flip: false, seed, order: inPairs });
  const batches = new BatchesByStep(dataset, Math.min(BATCH, dataset.entries.length), 1);
  const count = batches.size;
  const model = new Clip(gpu, config);
  initialise(model, seed, startOf);
  if (precision === 'f16') halve(model);
  const input = inputOf(model, preprocessor);
  const own = new ClipStep(gpu, model, count, length);
  const { optimizer, pixels, texts, target } = own;
  recorder.stage('CLIP', steps);
  try {
    await trainStage<Batch>({
      gpu,
      optimizer,
      schedule: clipSchedule(steps),
      steps,
      prepare: (step) => batches.read(step, 0),
      feed: (batch) => {
        gpu.scope(() => gpu.copy(pixelsOf(gpu, batch, input), pixels));
        texts.write(
          Int32Array.from({ length: count * length }, (_, at) =>
            ids[batch.labels[Math.floor(at / length)] * length + (at % length)]),
        );
        target.write(equalCaptions(batch.labels));
      },
      loss: () => own.loss(),
      onCompile: recorder.progress.compiling,
      onStep: (report) => recorder.report(report, count, isLogged(report.step, steps)),
      pausesAfter: () => stop.code !== undefined,
      onPause: () => false,
    });
    stop.throwIfRequested('training of CLIP');
    return { model, tokenizer, preprocessor };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    recorder.progress.stop();
    own.dispose();
  }
}

/** The same, left in a folder as a checkpoint. */
export async function leaveClip(folder: string, stage: ClipStage): Promise<void> {
  const { model, tokenizer, preprocessor } = await trainClip(stage);
  await saveCheckpoint(folder, { config: model.config, parameters: model.parameters(), tokenizer, preprocessor });
  model.dispose();
}
