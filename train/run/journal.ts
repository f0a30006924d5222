import type { RunState } from '../checkpoint/state_file.ts';
import type { ParameterGroup } from '../recipe/optimizer/index.ts';
import { learningRate, type Schedule } from '../recipe/schedule.ts';
import type { StepReport } from '../recipe/step_reports.ts';

export interface JournalOptions {
  readonly stepsPerEpoch: number;
  readonly schedule: Schedule;
  /** Of the optimiser. */
  readonly groups: readonly ParameterGroup[];
  /** Where a resumed run stands. */
  readonly resumed?: Pick<RunState, 'epoch' | 'optimizer'>;
}

/** What a step has to say for the log, and whether it ends an epoch, so that its entry must be kept. */
export interface StepEntry {
  readonly values: Readonly<Record<string, number>>;
  readonly endsEpoch: boolean;
}

/**
 * What the log says of a step beyond its report: `epoch` from 1, `lr_mit`, `lr_prompts`, `lr_message` where such parts
 * learn, `skipped` steps so far, and after the last step of an epoch `epochLoss`, the mean over its steps that changed
 * something.
 */
export class Journal {
  readonly #options: JournalOptions;
  /** Parts beside CLIP's, whose rate is that of the report. */
  readonly #parts: readonly ParameterGroup[];
  #skipped: number;
  #epoch: RunState['epoch'];

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#parts = options.groups.filter(({ name, parameters }) =>
      name !== 'clip' && !name.includes('.') && parameters.length > 0
    );
    this.#skipped = options.resumed?.optimizer.skipped ?? 0;
    this.#epoch = options.resumed?.epoch ?? { steps: 0, lossSum: 0 };
  }

  /** What a checkpoint keeps of it. */
  get epoch(): RunState['epoch'] {
    return this.#epoch;
  }

  /** Takes note of the next step. */
  enter({ step, loss, skipped }: StepReport): StepEntry {
    const { stepsPerEpoch, schedule } = this.#options;
    const { steps, lossSum } = this.#epoch;
    if (skipped) this.#skipped++;
    else this.#epoch = { steps: steps + 1, lossSum: lossSum + loss };
    const values: Record<string, number> = { epoch: Math.ceil(step / stepsPerEpoch), skipped: this.#skipped };
    for (const { name, lrScale } of this.#parts) values[`lr_${name}`] = learningRate(schedule, step - 1, lrScale);
    const endsEpoch = step % stepsPerEpoch === 0;
    if (endsEpoch) {
      if (this.#epoch.steps > 0) values.epochLoss = this.#epoch.lossSum / this.#epoch.steps;
      this.#epoch = { steps: 0, lossSum: 0 };
    }
    return { values, endsEpoch };
  }
}
