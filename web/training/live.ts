/** What is seen of a run: numbers of the last step, curves, and what it was measured as. */
import { size } from '../doctor/size.ts';
import { element, table } from '../pages/dom.ts';
import { chart } from './curve.ts';
import type { LessonPlan, StageName } from './lesson.ts';
import type { KeptRun, Measured, Point, TrainProgress } from './protocol.ts';

/** What a run in full comes to, and what nobody passes who does not see the order of frames. */
const GOAL = 0.9;
const CEILING = 0.5;
/** Steps that a speed is averaged over. */
const WINDOW = 20;

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const digits = (value: number, count = 4) => String(Number(value.toPrecision(count)));

/** Shows a run. What is told is drawn once a frame, however fast it comes. */
export class Live {
  readonly host = element('div', { id: 'live' });
  readonly #plan: LessonPlan;
  readonly #curve: Point[];
  readonly #measured: Measured[];
  #step: Extract<TrainProgress, { kind: 'step' }> | undefined;
  #kept: string | undefined;
  #times: { readonly step: number; readonly time: number }[] = [];
  #isDue = false;

  /** @param kept what was seen of it before */
  constructor(plan: LessonPlan, kept?: KeptRun) {
    this.#plan = plan;
    this.#curve = [...(kept?.curve ?? [])];
    this.#measured = [...(kept?.measured ?? [])];
    this.#kept = kept && keptText(kept.stage, kept.step);
    this.#draw();
  }

  /** What is left of the run if it ends now, in a sentence; nothing where nothing is. */
  get left(): string {
    return this.#kept === undefined ? '' : `It is kept in this browser behind ${this.#kept}.`;
  }

  /** Takes note of what is told. */
  hear(progress: TrainProgress): void {
    if (progress.kind === 'stage') this.#times = [];
    else if (progress.kind === 'step') {
      const { stage, report: { step, loss }, time } = progress;
      this.#step = progress;
      this.#curve.push({ stage, step, loss });
      this.#times = [...this.#times, { step, time }].slice(-WINDOW);
    } else if (progress.kind === 'measured') this.#measured.push(progress.measured);
    else if (progress.kind === 'kept') this.#kept = keptText(progress.stage, progress.step);
    else return;
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  /** Samples a second, over the last steps; undefined while there are too few. */
  get #speed(): number | undefined {
    const [first, last] = [this.#times[0], this.#times[this.#times.length - 1]];
    if (this.#step === undefined || first === undefined || last.time === first.time) return undefined;
    const { pictures, clips } = this.#plan;
    const each = this.#step.stage === 'CLIP' ? pictures : clips;
    return (1000 * each * (last.step - first.step)) / (last.time - first.time);
  }

  #draw(): void {
    const { clipSteps, videoSteps } = this.#plan;
    const losses = (stage: StageName) =>
      this.#curve.filter((point) => point.stage === stage).map(({ step, loss }): [number, number] => [step, loss]);
    const shares = (of: (measured: Measured) => number) =>
      this.#measured.map((measured): [number, number] => [measured.step, of(measured)]);
    const level = (value: number): [number, number][] => [[0, value], [videoSteps, value]];
    this.host.replaceChildren(
      this.#numbers(),
      element('div', { className: 'grid' },
        chart('Stage 1, CLIP: loss', [{ name: 'loss', points: losses('CLIP'), colour: '--series-1' }], clipSteps,
          (loss) => digits(loss, 3)),
        chart('Stage 2, X-CLIP: loss', [{ name: 'loss', points: losses('X-CLIP'), colour: '--series-1' }], videoSteps,
          (loss) => digits(loss, 3)), chart('Stage 2: right on clips that it is not trained on', [
          { name: 'motion', points: shares(({ motions }) => motions), colour: '--series-2' },
          { name: 'whole name', points: shares(({ top1 }) => top1), colour: '--series-3' },
          { name: 'ceiling without order, 50 %', points: level(CEILING), colour: '--muted-bar', isDashed: true },
        ], videoSteps, (share) => `${Math.round(100 * share)} %`, 1)),
      ...(this.#measured.length === 0 ? [] : [this.#measures()]),
    );
  }

  #numbers(): HTMLElement {
    const { report, skipped, bytes, stage } = this.#step ?? {};
    const rows: readonly (readonly [name: string, value: string])[] = [
      ['stage', stage === undefined ? '–' : stage === 'CLIP' ? '1, CLIP on pictures' : '2, X-CLIP on clips'],
      ['step', report === undefined ? '–' : String(report.step)],
      ['loss', report === undefined ? '–' : digits(report.loss)],
      ['learning rate', report?.lr.toExponential(2) ?? '–'],
      ['gradient norm', report === undefined ? '–' : digits(report.gradNorm)],
      ['skipped steps', skipped === undefined ? '–' : String(skipped)],
      [stage === 'CLIP' ? 'pictures per second' : 'clips per second',
        this.#speed === undefined ? '–' : digits(this.#speed)],
      ['memory on the GPU', bytes === undefined ? '–' : size(bytes)],
      ['kept in this browser', this.#kept ?? 'not yet'],
    ];
    return element('dl', { className: 'live' },
      ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
  }

  #measures(): HTMLElement {
    const verdict = (share: number) => element('span', { className: share >= GOAL ? 'met' : '' }, percent(share));
    return table('measured', ['after step', `motion; goal ${percent(GOAL)}, ceiling without order ${percent(CEILING)}`,
      `whole name of 120; goal ${percent(GOAL)}`],
      this.#measured.map(({ step, motions, top1 }) => [String(step), verdict(motions), verdict(top1)]));
  }
}

const keptText = (stage: StageName, step: number) => `step ${step} of ${stage}`;
