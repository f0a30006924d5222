import { type StageOptions, trainStage } from './stage.ts';

/** Where micro-batches come from: files that are decoded, or clips that are drawn. */
export interface BatchSource<Batch> {
  /** What a step gets is a function of its number and the seed alone, so a run may begin at any step. */
  read(step: number, micro: number): Promise<Batch>;
}

/** Where a run keeps what it can be resumed from: a folder, or the storage of a browser. */
export interface Keeper {
  /** Keeps the run as a step left it. What cannot be kept is told there, and costs this one alone. */
  save(step: number): Promise<unknown>;
  /** Before an error ends the run: keeps what was done since the last time. Never throws. */
  end(step: number): Promise<void>;
}

/** When a run is measured, and when it is to end for that. */
export interface Measures {
  isDue(step: number): boolean;
  /** Returns whether it came to its end: a run that is asked to stop meanwhile is measured when it goes on. */
  run(step: number): Promise<boolean>;
  readonly isExhausted: boolean;
  readonly best: { readonly step: number } | undefined;
}

/** What the processes of a run do together, all of them behind the same step. */
export interface Together {
  /** Whenever a run pauses, and behind its last step. */
  meet(): Promise<void>;
  /** Before the first step, and after so many. */
  compare(step: number): Promise<void>;
  readonly compareEvery: number;
}

export interface RunLoopOptions<Batch>
  extends Omit<StageOptions<Batch>, 'prepare' | 'pausesAfter' | 'onPause' | 'onFailure'> {
  /** Steps done before. */
  readonly done: number;
  readonly source: BatchSource<Batch>;
  readonly keeper: Keeper;
  readonly measures: Measures;
  /** Has a code once the run is asked to stop, which it does after a step that it keeps. */
  readonly stop: { readonly code: number | undefined };
  /** Steps from one that is kept to the next. */
  readonly saveEvery: number;
  /** The other processes of a run; omitted: there are none. */
  readonly together?: Together;
}

/**
 * A run from where it stands to its last step: trained, measured and kept as it goes, in Node and in a page alike.
 * Where samples come from and where the run is kept are given to it.
 */
export class RunLoop<Batch> {
  readonly #options: RunLoopOptions<Batch>;

  constructor(options: RunLoopOptions<Batch>) {
    this.#options = options;
  }

  /** Trains to the last step, or to where the run is asked to stop. Returns the steps done. */
  async train(): Promise<number> {
    const { source, keeper, measures, saveEvery, together, steps, done, ...stage } = this.#options;
    const savesAfter = (step: number) => step % saveEvery === 0;
    const isCompared = (step: number) => together !== undefined && step % together.compareEvery === 0;
    await together?.compare(done);
    // a run that was stopped while it was measured begins with it
    if (done > 0 && done < steps && (await this.#measure(done))) await keeper.save(done);
    if (this.#ends) return done;
    const reached = await trainStage<Batch>({
      ...stage,
      steps,
      done,
      prepare: (step, micro) => source.read(step, micro),
      pausesAfter: (step) =>
        step !== steps && (this.#ends || savesAfter(step) || measures.isDue(step) || isCompared(step)),
      onPause: async (step) => {
        await together?.meet();
        if (isCompared(step)) await together?.compare(step);
        const isBest = (await this.#measure(step)) && measures.best?.step === step;
        if (isBest || savesAfter(step) || this.#ends) await keeper.save(step);
        return !this.#ends;
      },
      onFailure: (step) => keeper.end(step),
    });
    await together?.meet();
    if (reached === steps && done < steps) await keeper.save(reached);
    return reached;
  }

  /** Measures and keeps a run that has come to its end. Returns whether it has. */
  async finish(reached: number): Promise<boolean> {
    const { steps, measures, keeper } = this.#options;
    const isDone = reached === steps || measures.isExhausted;
    if (isDone && (await this.#measure(reached))) await keeper.save(reached);
    return isDone;
  }

  get #ends(): boolean {
    const { stop, measures } = this.#options;
    return stop.code !== undefined || measures.isExhausted;
  }

  /** Measures the run if that is due. Returns whether there is something new to keep. */
  async #measure(step: number): Promise<boolean> {
    const { stop, measures } = this.#options;
    return measures.isDue(step) && stop.code === undefined && (await measures.run(step));
  }
}
