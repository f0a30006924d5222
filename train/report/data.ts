import type { Validation } from '../checkpoint/validation.ts';
import type { ClassCounts } from './classes.ts';

/**
 * What a run leaves behind, as one object: `report.html` shows all of it, `result.json` holds its numbers. Shares are
 * in 0..1, times in seconds, and text is plain (the report escapes it).
 */
export interface ReportData {
  /** What was trained, e.g. `X-CLIP on moving shapes`. */
  readonly title: string;
  /** One or two sentences for a reader who knows nothing: the task, and why it needs what it tests. */
  readonly summary: string;
  /** When the run ended, ISO 8601. */
  readonly finishedAt: string;
  readonly seed: number;
  /** The results that count, most important first; each beside its target or ceiling, if it has one. */
  readonly headlines: readonly Headline[];
  /** Where headlines are means over several measurements: each of them. */
  readonly parts?: readonly MeasuredPart[];
  /** Whatever else is told in numbers. */
  readonly tables?: readonly ReportTable[];
  /** One panel for each stage of training, in order. */
  readonly stages: readonly Stage[];
  /** What was confused with what, as far as a picture says it. */
  readonly confusions: readonly ConfusionPanel[];
  /** Every class by itself, and the worst pairs: for as many classes as there are. */
  readonly classes?: ClassCounts;
  /** Test clips to look at; 6 to 12 make a good page. Show failures, too. */
  readonly clips: readonly ClipPrediction[];
  /** Files that could not be decoded, in training or in the test. */
  readonly unreadable?: readonly UnreadableClip[];
  readonly environment: Environment;
  /** The parts of the run in order, e.g. `data set`, `stage 1`, and how long each took. */
  readonly timings: readonly Timing[];
  /** The whole configuration, as it stands in the run folder (YAML). */
  readonly config: string;
}

/** One measured share and what it is held against. */
export interface Headline {
  /** Stable name for scripts, e.g. `xclip_seen_top1`. */
  readonly key: string;
  /** e.g. `X-CLIP`, `X-CLIP, frames shuffled`, `CLIP-Mean`. */
  readonly system: string;
  /** What was measured, e.g. `top-1, combinations seen in training`. */
  readonly measure: string;
  readonly value: number;
  /** Of a mean: the sample deviation (n − 1) of what it is the mean of. */
  readonly deviation?: number;
  /** Test clips it was measured on. */
  readonly clips: number;
  readonly goal?: Goal;
  /** What guessing would reach. */
  readonly chance: number;
  /** One sentence: what this number shows. */
  readonly meaning: string;
}

/** One measurement of several. */
export interface MeasuredPart {
  /** e.g. `split 2`. */
  readonly name: string;
  readonly classes: number;
  readonly clips: number;
  /** Clips of classes that are not measured. */
  readonly leftOut: number;
  readonly unreadable: number;
  readonly top1: number;
  readonly top5: number;
}

export interface Goal {
  /** `at least` is a target to reach, `at most` a ceiling that must hold. */
  readonly kind: 'at least' | 'at most';
  readonly value: number;
  /**
   * What sampling alone may add to a ceiling, 0 if omitted. Three standard errors are 3·√(value·(1 − value)/clips):
   * a system whose true accuracy is the ceiling passes it in half of all samples.
   */
  readonly margin?: number;
}

/** Cells as they are shown: a name, then numbers. */
export interface ReportTable {
  readonly title: string;
  readonly hint: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The training of one stage; systems that train the same stage share its axes. */
export interface Stage {
  /** e.g. `Stage 1: a tiny CLIP on still pictures`. */
  readonly title: string;
  readonly curves: readonly Curve[];
  /** How it did on clips that it was not trained on, from time to time. */
  readonly validations?: readonly Validation[];
}

/** The course of one system through a stage. Points are [optimiser step, value]. */
export interface Curve {
  readonly system: string;
  readonly loss: readonly (readonly [number, number])[];
  readonly lr: readonly (readonly [number, number])[];
  /** Of the parts that learn at another rate, if there are any. */
  readonly newPartsLr?: readonly (readonly [number, number])[];
}

export interface ConfusionPanel {
  readonly title: string;
  /** With groups, any number of labels are drawn small; without, each cell has its count: some 16 labels at most. */
  readonly confusion: Confusion;
}

/** counts[i][j] clips of label i were taken for label j. */
export interface Confusion {
  readonly labels: readonly string[];
  readonly counts: readonly (readonly number[])[];
  /** Clips of each label, if there are more than its row says: of labels that are not shown. */
  readonly totals?: readonly number[];
  /** The group of each label (its motion); labels of a group stand together. */
  readonly groups?: readonly string[];
}

/** A test clip and what the model took it for. */
export interface ClipPrediction {
  readonly file: string;
  /** The true label. */
  readonly label: string;
  /** True if the label never occurred in training. */
  readonly unseen: boolean;
  /** Most probable first; the report shows three. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  readonly frames: Frames;
}

export interface UnreadableClip {
  readonly file: string;
  /** A sentence for people. */
  readonly reason: string;
}

/** The frames the model saw: RGB bytes, [frames, height, width, 3]. */
export interface Frames {
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly rgb: Uint8Array;
}

export interface Environment {
  /** e.g. `llvmpipe (LLVM 19.1, 256 bits)`. */
  readonly adapter: string;
  readonly driver: string;
  /** Vulkan, Metal, D3D12. */
  readonly backend: string;
  readonly isSoftware: boolean;
  /** Names and versions, e.g. `{ firstlight: '0.1.0', node: '20.20.2' }`. */
  readonly versions: Readonly<Record<string, string>>;
  /** e.g. `Debian GNU/Linux 12, x64, 2 cores`. */
  readonly machine: string;
  /** How kernels ran that can run in several ways, by kernel and class of calls: `subgroup, senders 8`. */
  readonly candidates: Readonly<Record<string, string>>;
}

export interface Timing {
  readonly name: string;
  readonly seconds: number;
}

export function isMet({ value, goal }: Pick<Headline, 'value' | 'goal'>): boolean {
  if (goal === undefined) return true;
  return goal.kind === 'at least' ? value >= goal.value : value <= goal.value + (goal.margin ?? 0);
}

/** What `result.json` holds of any run: every number of the report but pixels, curves and counts. */
export function resultOf(data: ReportData) {
  const { title, finishedAt, seed, headlines, stages, environment, timings } = data;
  const hasGoals = headlines.some(({ goal }) => goal !== undefined);
  return {
    title,
    finishedAt,
    seed,
    ...(hasGoals && { targetsMet: headlines.every(isMet) }),
    results: Object.fromEntries(
      headlines.map(({ key, ...headline }) => [key, { ...headline, ...(headline.goal && { met: isMet(headline) }) }]),
    ),
    finalLoss: stages.flatMap((stage) =>
      stage.curves.map(({ system, loss }) => ({ stage: stage.title, system, step: loss.at(-1)?.[0] ?? null,
        loss: loss.at(-1)?.[1] ?? null })
      )
    ),
    environment,
    timings,
    seconds: timings.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}
