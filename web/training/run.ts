/** A run in a page: a tiny CLIP learns from pictures, then X-CLIP from clips, as the demo trains them in Node. */
import { type Gpu, halve, type Tensor } from '../../engine/index.ts';
import { initialise } from '../../model/parts/init.ts';
import { inputOf, type SystemOfTexts, textFeatures, type VideoModel } from '../../model/systems/system.ts';
import { Xclip } from '../../model/systems/xclip.ts';
import type { Batch } from '../../train/data/loading/dataset.ts';
import { pixelsOf } from '../../train/data/views/pixels.ts';
import { clipSchedule, ClipStep, newClip } from '../../train/moving_shapes/clip_step.ts';
import { DrawnBatches, drawnClips, drawnOnce } from '../../train/moving_shapes/drawn.ts';
import { guessesOf, motionShare } from '../../train/moving_shapes/guesses.ts';
import { inPairs } from '../../train/moving_shapes/pairs.ts';
import { captionsOf, stillOf } from '../../train/moving_shapes/samples.ts';
import { SEEN, SIDE } from '../../train/moving_shapes/scenes.ts';
import { warmupOf } from '../../train/moving_shapes/warmup.ts';
import { rgbToI420 } from '../../train/data/video/i420.ts';
import { evaluate, type Prediction } from '../../train/protocols/evaluation.ts';
import { type Measures, RunLoop } from '../../train/recipe/run_loop.ts';
import type { Optimizer } from '../../train/recipe/optimizer/index.ts';
import { type Schedule, scheduleOf } from '../../train/recipe/schedule.ts';
import { RunStep } from '../../train/recipe/step.ts';
import { StepTexts } from '../../train/recipe/step_texts.ts';
import { Journal } from '../../train/run/journal.ts';
import { Saving } from '../../train/run/saving.ts';
import { InterruptedError } from '../../train/run/stop.ts';
import { Validations } from '../../train/run/validations.ts';
import { seenBy } from './attention.ts';
import type { Kept, Shelf } from './kept.ts';
import { type Lesson, type LessonPlan, SEEN_NAMES, type StageName, tokenizerOf, tokensOf } from './lesson.ts';
import { Looking, type Looks } from './looks.ts';
import type { Measured, Outcome, Point, TrainProgress } from './protocol.ts';
import { fill, weightsOf } from './weights.ts';

export interface LessonRunOptions {
  readonly gpu: Gpu;
  readonly lesson: Lesson;
  readonly plan: LessonPlan;
  /** What to go on from. */
  readonly kept: Kept | undefined;
  readonly shelf: Shelf;
  /** Has a code once the run is asked to pause. */
  readonly stop: { readonly code: number | undefined };
  /** What people want to see meanwhile. */
  readonly looks: Looks;
  readonly tell: (progress: TrainProgress) => void;
}

/** Samples of an epoch: those of the demo. */
const SIZES = { train: 4096, stills: 6144 };
/** Clips that are measured together. */
const MEASURED_AT_ONCE = 24;

/** What a stage trains, and on what. */
interface Stage {
  readonly name: StageName;
  readonly model: VideoModel;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly steps: number;
  readonly source: DrawnBatches;
  readonly measures: Measures;
  /** Measured so far. */
  readonly measured: () => readonly Measured[];
  readonly feed: (batch: Batch, step: number) => void;
  readonly loss: () => Tensor;
}

/** Both stages of a run, from where it was left. */
export class LessonRun {
  readonly #options: LessonRunOptions;
  /** Losses so far, of both stages. */
  readonly #curve: Point[];

  constructor(options: LessonRunOptions) {
    this.#options = options;
    this.#curve = [...(options.kept?.curve ?? [])];
  }

  /** Trains to the end, or until it is asked to pause. */
  async run(): Promise<Outcome> {
    const { kept, plan } = this.#options;
    if (kept?.stage === 'X-CLIP') return await this.#xclip(kept.weights, kept);
    const { step, weights } = await this.#clip(kept);
    const isAsked = this.#options.stop.code !== undefined;
    if (step < plan.clipSteps || isAsked) return { stage: 'CLIP', step, isDone: false };
    return await this.#xclip(weights);
  }

  /** Stage 1. Returns the steps done, and the weights. */
  async #clip(kept?: Kept): Promise<{ step: number; weights: Kept['weights'] }> {
    const { gpu, lesson, plan: { seed, precision, pictures, clipSteps: steps } } = this.#options;
    using model = newClip(gpu, lesson.clip, seed, precision);
    fill(model, kept?.weights);
    using own = new ClipStep(gpu, model, pictures, tokensOf(lesson.captions));
    const input = inputOf(model, lesson.preprocessor);
    const captions = captionsOf(seed, SIZES.stills);
    const source = new DrawnBatches({ labels: captions, draw: (place) => [
      rgbToI420(stillOf(seed, place, captions[place]), SIDE, SIDE, { matrix: 'bt601', range: 'full' }),
    ] }, { seed, batch: pictures, order: inPairs });
    const step = await this.#train({ name: 'CLIP', model, optimizer: own.optimizer, schedule: clipSchedule(steps),
      steps, source, measures: new Validations({ steps, every: null, patience: null }), measured: () => [],
      feed: (batch) => own.feed(batch, input), loss: () => own.loss() }, kept);
    return { step, weights: await weightsOf(gpu, model) };
  }

  /** Stage 2. @param weights of CLIP, or of X-CLIP where it goes on */
  async #xclip(weights: Kept['weights'], kept?: Kept): Promise<Outcome> {
    const { gpu, lesson, plan, stop, tell } = this.#options;
    const { seed, precision, clips, videoSteps: steps } = plan;
    const { init, optim } = lesson.recipe;
    const train = { ...lesson.recipe.train, batch: clips, steps, warmupSteps: warmupOf(steps) };
    using model = new Xclip(gpu, lesson.xclip);
    initialise(model, seed, (name) => model.startOf(name, init), new Set(weights.keys()));
    fill(model, weights);
    if (precision === 'f16') halve(model);
    const system = { model, tokenizer: tokenizerOf(lesson.names) };
    using texts = new StepTexts(gpu, system, { sentences: SEEN_NAMES, templates: 1, isFixed: true,
      ...system.tokenizer.tokenize(SEEN_NAMES) });
    using own = new RunStep(gpu, { model, texts: texts.current, train, optim });
    const input = inputOf(model, lesson.preprocessor);
    const source = new DrawnBatches(drawnClips('train', seed, SIZES.train), { seed, batch: clips });
    const measured: Measured[] = [...(kept?.measured ?? [])];
    let latest: readonly Prediction[] = [];
    const measures = new Validations({ steps, every: plan.measureEvery, patience: null, history: measured,
      measure: async () => (latest = await this.#measure(system)), onResult: (result) => {
        measured.push({ ...result, motions: motionShare(guessesOf({ classes: SEEN }, latest)) });
        tell({ kind: 'measured', measured: measured[measured.length - 1] });
      } });
    const step = await this.#train({ name: 'X-CLIP', model, optimizer: own.optimizer,
      schedule: scheduleOf({ train, optim }, source.stepsPerEpoch), steps, source, measures, measured: () => measured,
      feed: (batch, step) => {
        gpu.scope(() => gpu.copy(pixelsOf(gpu, batch, input), own.inputOf(0).pixels));
        own.write(batch.labels, { seed, step, micro: 0 });
      }, loss: () => own.loss(0) }, kept);
    return { stage: 'X-CLIP', step, isDone: step === steps && stop.code === undefined };
  }

  /** What the model says of clips that it is not trained on. */
  async #measure(system: SystemOfTexts & { readonly model: Xclip }): Promise<Prediction[]> {
    const { gpu, lesson, plan: { seed, testClips }, stop, tell } = this.#options;
    using features = textFeatures(gpu, system, SEEN_NAMES);
    async function* batches() {
      for await (const batch of drawnOnce(drawnClips('test_seen', seed, testClips), MEASURED_AT_ONCE)) {
        if (stop.code !== undefined) throw new InterruptedError('measuring', stop.code);
        yield batch;
      }
    }
    return await evaluate(gpu, system.model, batches(), { features, input: inputOf(system.model, lesson.preprocessor),
      onProgress: (done) => tell({ kind: 'measure', done, total: testClips }) });
  }

  /** Trains, measures and keeps a stage. Returns the steps done. */
  async #train({ name, model, optimizer, schedule, steps, source, measures, measured, feed, loss }: Stage,
    kept: Kept | undefined): Promise<number> {
    const { gpu, lesson, plan, shelf, looks, stop, tell } = this.#options;
    const done = kept?.step ?? 0;
    if (kept !== undefined) {
      optimizer.load('the run that is kept', kept.optimizer, (parameter) => kept.moments.get(parameter) ?? {});
    }
    const journal = new Journal({ stepsPerEpoch: source.stepsPerEpoch, schedule, groups: optimizer.groups,
      resumed: kept });
    const saving = new Saving<Kept>({
      store: { save: async (snapshot) => {
        await shelf.save(snapshot);
        tell({ kind: 'kept', stage: name, step: snapshot.step });
      } },
      progress: { message: (sentence) => tell({ kind: 'trouble', sentence }) },
      resumedFrom: kept?.step,
      wayOn: (step) => `the run can go on from step ${step} of ${name}`,
      snapshot: async (step) => ({ plan, stage: name, step, curve: [...this.#curve], measured: [...measured()],
        optimizer: await optimizer.counts(), epoch: journal.epoch, weights: await weightsOf(gpu, model),
        moments: await optimizer.moments() }),
    });
    tell({ kind: 'stage', stage: name, steps, done });
    const loop = new RunLoop<Batch>({ gpu, optimizer, schedule, steps, done, source, keeper: saving, stop,
      measures: new Looking(measures, looks, (place) => seenBy(gpu, lesson, model, plan, place)),
      saveEvery: plan.saveEvery, feed, loss, onCompile: (done, total) => tell({ kind: 'compile', done, total }),
      onStep: (report) => {
        this.#curve.push({ stage: name, step: report.step, loss: report.loss });
        tell({ kind: 'step', stage: name, report, skipped: journal.enter(report).values.skipped,
          time: performance.now(), bytes: gpu.pool.reserved });
      } });
    const reached = await loop.train();
    await loop.finish(reached);
    return reached;
  }
}
