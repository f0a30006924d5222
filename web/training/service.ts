/** What the worker that trains does for each request. It needs no worker: tests call it in Node. */
import { FileError } from '../../engine/file_error.ts';
import { FirstlightError } from '../../engine/index.ts';
import { secondsOf, STEP } from '../../train/moving_shapes/expectation.ts';
import { SharedContext } from '../worker/contexts.ts';
import type { Kept, Shelf } from './kept.ts';
import type { Lesson, LessonPlan } from './lesson.ts';
import type { KeptRun, Look, Outcome, TrainAnswers, TrainProgress, TrainRequest } from './protocol.ts';
import { LessonRun } from './run.ts';

interface Stop {
  code: number | undefined;
}

/** Runs one thing, unless it is run elsewhere. */
type Alone = <T>(work: () => Promise<T>) => Promise<T>;

/** Answers requests, one after another, on one context that stays open. */
export class TrainService {
  readonly #lesson: Lesson;
  readonly #shelf: Shelf;
  readonly #alone: Alone;
  readonly #contexts = new SharedContext();
  #last: Promise<unknown> = Promise.resolve();
  /** Of the training that was asked for last. */
  #stop: Stop = { code: undefined };

  constructor(lesson: Lesson, shelf: Shelf, alone: Alone) {
    this.#lesson = lesson;
    this.#shelf = shelf;
    this.#alone = alone;
  }

  /** The answer to a request, once those before it are answered. */
  answer<R extends TrainRequest>(request: R,
    tell: (progress: TrainProgress) => void = () => undefined): Promise<TrainAnswers[R['kind']]> {
    if (request.kind === 'pause') this.#stop.code = 0; // at once, not when the training is done
    if (request.kind === 'train') this.#stop = { code: undefined };
    const stop = this.#stop;
    const answer = this.#last.then(() => this.#answer(request, stop, tell)) as Promise<TrainAnswers[R['kind']]>;
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#contexts.close();
  }

  async #answer(request: TrainRequest, stop: Stop,
    tell: (progress: TrainProgress) => void): Promise<TrainAnswers[TrainRequest['kind']]> {
    switch (request.kind) {
      case 'look':
        return await this.#look(tell);
      case 'expect':
        return { seconds: await secondsOf(await this.#contexts.current(), workOf(request.plan, this.#lesson)) };
      case 'train':
        return await this.#alone(() => this.#train(request.plan, stop, tell));
      case 'pause':
        return undefined;
      case 'forget':
        return await this.#alone(() => this.#shelf.clear()) as undefined;
    }
  }

  async #look(tell: (progress: TrainProgress) => void): Promise<Look> {
    const gpu = await this.#contexts.current();
    const kept = await this.#kept(tell);
    return { adapter: gpu.name, kind: gpu.kind, hasHalf: gpu.features.has('shader-f16'),
      ...(kept !== undefined && { kept: shownOf(kept) }) };
  }

  /** The run that is kept. A browser that keeps nothing hinders nobody from training. */
  async #kept(tell: (progress: TrainProgress) => void): Promise<Kept | undefined> {
    try {
      return await this.#shelf.read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      tell({ kind: 'trouble', sentence: `${error.message}; a run lasts here as long as this tab` });
      return undefined;
    }
  }

  async #train(plan: LessonPlan, stop: Stop, tell: (progress: TrainProgress) => void): Promise<Outcome> {
    const gpu = await this.#contexts.current();
    gpu.requireType(plan.precision);
    const kept = await this.#kept(tell);
    if (kept !== undefined && JSON.stringify(kept.plan) !== JSON.stringify(plan)) {
      throw new FirstlightError('FL_RUN_EXISTS', 'another run is kept in this browser', {},
        'go on with it, or forget it and begin anew');
    }
    return await new LessonRun({ gpu, lesson: this.#lesson, plan, kept, shelf: this.#shelf, stop, tell }).run();
  }
}

/** Without weights, which a page has no use for. */
const shownOf = ({ plan, stage, step, curve, measured }: Kept): KeptRun => ({ plan, stage, step, curve, measured });

/** Floating-point operations of all steps, for as many samples as they have. */
function workOf({ clipSteps, videoSteps, pictures, clips }: LessonPlan, { full }: Lesson): number {
  return clipSteps * STEP.clip * (pictures / full.pictures) + videoSteps * STEP.xclip * (clips / full.clips);
}
