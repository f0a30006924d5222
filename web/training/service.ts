/** What the worker that trains does for each request. It needs no worker: tests call it in Node. */
import { FileError } from '../../engine/file_error.ts';
import { FirstlightError } from '../../engine/index.ts';
import { secondsOf, STEP } from '../../train/moving_shapes/expectation.ts';
import { late } from '../pages/late.ts';
import { SharedContext } from '../worker/contexts.ts';
import { seenBy } from './attention.ts';
import type { Kept, Shelf } from './kept.ts';
import type { Lesson, LessonPlan } from './lesson.ts';
import { Looks } from './looks.ts';
import type { Folder, KeptRun, Look, Outcome, Seen, TrainAnswers, TrainProgress, TrainRequest } from './protocol.ts';
import { LessonRun } from './run.ts';
import { keptModel } from './weights.ts';

/** What a training is asked while it is under way: to pause, and to be looked at. */
interface Training {
  readonly stop: { code: number | undefined };
  readonly looks: Looks;
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
  /** The one that is under way, or waits for its turn. */
  #training: Training | undefined;

  constructor(lesson: Lesson, shelf: Shelf, alone: Alone) {
    this.#lesson = lesson;
    this.#shelf = shelf;
    this.#alone = alone;
  }

  /** The answer to a request, once those before it are answered. */
  answer<R extends TrainRequest>(request: R, tell: Tell = () => undefined): Promise<TrainAnswers[R['kind']]> {
    // these two at once, not when the training is done
    if (request.kind === 'pause' && this.#training !== undefined) this.#training.stop.code = 0;
    if (request.kind === 'see' && this.#training !== undefined) {
      return this.#training.looks.ask(request.place) as Promise<TrainAnswers[R['kind']]>;
    }
    const training = { stop: { code: undefined }, looks: new Looks() };
    if (request.kind === 'train') this.#training = training;
    const answer = this.#last.then(() => this.#answer(request, training, tell)) as Promise<TrainAnswers[R['kind']]>;
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#contexts.close();
  }

  async #answer(request: TrainRequest, training: Training, tell: Tell): Promise<TrainAnswers[TrainRequest['kind']]> {
    switch (request.kind) {
      case 'look':
        return await this.#look(tell);
      case 'expect':
        return { seconds: await secondsOf(await this.#contexts.current(), workOf(request.plan, this.#lesson)) };
      case 'train':
        return await this.#trained(request.plan, training, tell);
      case 'pause':
        return undefined;
      case 'see':
        return await beating(tell, () => this.#see(request.place));
      case 'folder':
        return await this.#folder();
      case 'forget':
        return await this.#alone(() => this.#shelf.clear()) as undefined;
    }
  }

  async #look(tell: Tell): Promise<Look> {
    const gpu = await this.#contexts.current();
    const kept = await this.#kept(tell);
    return { adapter: gpu.name, kind: gpu.kind, hasHalf: gpu.features.has('shader-f16'), keeps: this.#shelf.keeps,
      ...(kept !== undefined && { kept: shownOf(kept) }) };
  }

  /** The run that is kept. A browser that keeps nothing hinders nobody from training. */
  async #kept(tell: Tell): Promise<Kept | undefined> {
    try {
      return await this.#shelf.read();
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      tell({ kind: 'trouble', sentence: `${error.message}; a run lasts here as long as this tab` });
      return undefined;
    }
  }

  async #trained(plan: LessonPlan, training: Training, tell: Tell): Promise<Outcome> {
    try {
      return await this.#alone(() => beating(tell, (told) => this.#train(plan, training, told)));
    } finally {
      if (this.#training === training) this.#training = undefined;
      // who asked behind the last step sees what is kept of it
      await training.looks.answer((place) => this.#see(place));
    }
  }

  async #train(plan: LessonPlan, { stop, looks }: Training, tell: Tell): Promise<Outcome> {
    const gpu = await this.#contexts.current();
    gpu.requireType(plan.precision);
    const kept = await this.#kept(tell);
    if (kept !== undefined && JSON.stringify(kept.plan) !== JSON.stringify(plan)) {
      throw new FirstlightError('FL_RUN_EXISTS', 'another run is kept in this browser', {},
        'go on with it, or forget it and begin anew');
    }
    return await new LessonRun({ gpu, lesson: this.#lesson, plan, kept, shelf: this.#shelf, stop, looks, tell }).run();
  }

  async #see(place: number): Promise<Seen> {
    const kept = await this.#required();
    const gpu = await this.#contexts.current();
    using model = keptModel(gpu, this.#lesson, kept);
    return await seenBy(gpu, this.#lesson, model, kept.plan, place);
  }

  /** Few take along what they trained: what makes archives is loaded when somebody does. */
  async #folder(): Promise<Folder> {
    const kept = await this.#required();
    const { zippedFolder } = await late(() => import('./folder.ts'));
    return await zippedFolder(await this.#contexts.current(), this.#lesson, kept);
  }

  /** The run that is kept. @throws FirstlightError where there is none */
  async #required(): Promise<Kept> {
    const kept = await this.#shelf.read();
    if (kept !== undefined) return kept;
    throw new FirstlightError('FL_USAGE', 'no run is kept in this browser', {}, 'train one');
  }
}

/** Seconds from one sign of life to the next; and after how many without anything new there is no other. */
const BEAT = 10;
const BEATS = 60;

type Tell = (progress: TrainProgress) => void;

/** Does something that may take longer than a page waits for a word, and says now and then that it is at it. */
async function beating<T>(tell: Tell, work: (tell: Tell) => Promise<T>): Promise<T> {
  let silent = 0;
  const beat = setInterval(() => {
    if (++silent <= BEATS) tell({ kind: 'alive' });
  }, 1000 * BEAT);
  try {
    return await work((progress) => {
      silent = 0;
      tell(progress);
    });
  } finally {
    clearInterval(beat);
  }
}

/** Without weights, which a page has no use for. */
const shownOf = ({ plan, stage, step, curve, measured }: Kept): KeptRun => ({ plan, stage, step, curve, measured });

/** Floating-point operations of all steps, for as many samples as they have. */
function workOf({ clipSteps, videoSteps, pictures, clips }: LessonPlan, { full }: Lesson): number {
  return clipSteps * STEP.clip * (pictures / full.pictures) + videoSteps * STEP.xclip * (clips / full.clips);
}
