import { type FloatType, type Gpu, halve } from '../../engine/index.ts';
import { saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { Clip } from '../../model/systems/clip.ts';
import { configFor, PRESETS } from '../../model/systems/config.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import { BatchesByStep } from '../data/loading/batches.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { readLabels, readList } from '../data/sets/lists.ts';
import type { RunRecorder } from '../log/recorder.ts';
import { recordStep, trainStage } from '../recipe/stage.ts';
import type { StopRequest } from '../run/stop.ts';
import { trainingPreprocessor } from '../run/system.ts';
import { clipSchedule, ClipStep, newClip, PICTURES } from './clip_step.ts';
import type { MovingShapesFolder } from './files.ts';
import { inPairs } from './pairs.ts';
import { CAPTIONS, CLASS_NAMES } from './scenes.ts';

const LOG_EVERY = 5;

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
export async function captioned(captions: readonly string[]) {
  const { tokenizer } = (await clipTokenizer()).compact([...captions, ...CLASS_NAMES]);
  const towers = { ...PRESETS.tiny, text: { ...PRESETS.tiny.text, vocab: tokenizer.vocabSize } };
  const config = configFor('clip-mean', towers);
  return { tokenizer, config, captions: tokenizer.tokenize(captions, config.text.context) };
}

/** What a step of the stage runs, for `Gpu.warm`: known before there is a data set. */
export async function clipWork(gpu: Gpu, precision: FloatType): Promise<() => void> {
  const { config, captions } = await captioned(CAPTIONS);
  return () => {
    const model = new Clip(gpu, config);
    if (precision === 'f16') halve(model);
    const step = new ClipStep(gpu, model, PICTURES, captions);
    gpu.capture(() => recordStep(step.optimizer, 1, () => step.loss())).run();
  };
}

/**
 * Stage 1 of the demo: a tiny CLIP learns from captioned pictures what colours, shapes, sizes and places are called.
 * Its vocabulary is that of the captions and the class names.
 */
async function trainClip({ gpu, data, seed, precision, steps, recorder, stop }: ClipStage): Promise<System> {
  const names = readLabels(data.labels.captions);
  const { tokenizer, config, captions } = await captioned(names);
  const { imageSize } = config.vision;
  const preprocessor = trainingPreprocessor(imageSize, false);
  const { entries } = readList(data.lists.stills, { root: data.folder, names, firstLabel: 0 });
  const dataset = new Dataset(entries, { frames: 1, size: imageSize, crop: false, flip: false, seed, order: inPairs });
  const batches = new BatchesByStep(dataset, Math.min(PICTURES, dataset.entries.length), 1);
  const count = batches.size;
  const model = newClip(gpu, config, seed, precision);
  const input = inputOf(model, preprocessor);
  const own = new ClipStep(gpu, model, count, captions);
  recorder.stage('CLIP', steps);
  try {
    await trainStage<Batch>({
      gpu,
      optimizer: own.optimizer,
      schedule: clipSchedule(steps),
      steps,
      prepare: (step) => batches.read(step, 0),
      feed: (batch) => own.feed(batch, input),
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
