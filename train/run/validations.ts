import { bestOf, sinceBest, type Validation } from '../checkpoint/validation.ts';
import { type Prediction, topShare } from '../protocols/evaluation.ts';
import { InterruptedError } from './stop.ts';

export interface ValidationsOptions {
  /** Predictions of the model as it stands. It may throw an `InterruptedError`. Omitted: the run is never validated. */
  readonly measure?: () => Promise<Prediction[]>;
  /** Steps of the run, after the last of which it is always validated. */
  readonly steps: number;
  /** Steps between two validations; null: at the end alone. */
  readonly every: number | null;
  /** Validations without a new best after which the run ends; null: it runs to its last step. */
  readonly patience: number | null;
  /** Those before a resumption. */
  readonly history?: readonly Validation[];
  /** Called with each that is new. */
  readonly onResult?: (validation: Validation, isBest: boolean) => void;
}

/**
 * When a run is measured on `data.val`, what came out, and when it has stopped getting better. All of it follows from
 * the history, which a checkpoint keeps, so a run that is interrupted and resumed is validated at the same steps and
 * ends at the same one.
 */
export class Validations {
  readonly #options: ValidationsOptions;
  #history: readonly Validation[];
  #latest: { readonly step: number; readonly predictions: readonly Prediction[] } | undefined;

  constructor(options: ValidationsOptions) {
    this.#options = options;
    this.#history = options.history ?? [];
  }

  get history(): readonly Validation[] {
    return this.#history;
  }

  get best(): Validation | undefined {
    return bestOf(this.#history);
  }

  /** Whether it is time to give up: so many in a row were no better than the best before them. */
  get isExhausted(): boolean {
    const { patience } = this.#options;
    return patience !== null && sinceBest(this.#history) >= patience;
  }

  /** Whether the model is to be measured after a step and was not yet. */
  isDue(step: number): boolean {
    const { measure, every, steps } = this.#options;
    if (measure === undefined) return false;
    const isItsTurn = step === steps || (every !== null && step > 0 && step % every === 0);
    return isItsTurn && !this.#history.some((validation) => validation.step === step);
  }

  /**
   * Measures the model, which is as that step left it. Returns whether that came to its end: if the run was asked to
   * stop meanwhile, nothing is noted, and the step is still due.
   */
  async run(step: number): Promise<boolean> {
    const predictions = await this.#measure(step);
    if (predictions === undefined) return false;
    const validation = { step, top1: topShare(predictions, 1), top5: topShare(predictions, 5),
      loss: meanLoss(predictions) };
    this.#history = [...this.#history, validation];
    this.#options.onResult?.(validation, this.best === validation);
    return true;
  }

  /**
   * Predictions after a step, measured again if that was not done in this process; undefined if the run is never
   * validated, or was asked to stop meanwhile.
   */
  async predictionsAt(step: number): Promise<readonly Prediction[] | undefined> {
    return this.#latest?.step === step ? this.#latest.predictions : this.#measure(step);
  }

  async #measure(step: number): Promise<readonly Prediction[] | undefined> {
    try {
      const predictions = await this.#options.measure?.();
      if (predictions !== undefined) this.#latest = { step, predictions };
      return predictions;
    } catch (error) {
      if (error instanceof InterruptedError) return undefined;
      throw error;
    }
  }
}

/** Mean of −ln p(right name) over the clips that could be decoded. */
function meanLoss(predictions: readonly Prediction[]): number | null {
  // what is too small for a number is taken for the smallest one: a state holds no infinity
  const losses = predictions.flatMap(({ probability }) =>
    probability === undefined ? [] : -Math.log(Math.max(probability, Number.MIN_VALUE))
  );
  return losses.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** Optimiser steps between two validations, as a configuration says. */
export function stepsPerValidation(
  run: { readonly evaluateEverySteps: number | null; readonly evaluateEveryEpochs: number | null },
  stepsPerEpoch: number,
): number | null {
  if (run.evaluateEverySteps !== null) return run.evaluateEverySteps;
  return run.evaluateEveryEpochs === null ? null : run.evaluateEveryEpochs * stepsPerEpoch;
}
