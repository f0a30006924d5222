/** What a run on one's own clips came to: the data of its report, and the numbers of its `result.json`. */
import { basename, resolve } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { bestOf } from '../checkpoint/validation.ts';
import type { Dataset } from '../data/loading/dataset.ts';
import { type LogEntry, seriesOf } from '../log/run_log.ts';
import { clipPredictions, worthShowing } from '../protocols/clips.ts';
import { type Prediction, topShare } from '../protocols/evaluation.ts';
import { accuracyHeadlines } from '../report/accuracy.ts';
import { type ClassCounts, classNumbers, classRows, countClasses, meanPerClass } from '../report/classes.ts';
import type { ClipPrediction, Headline, ReportData, Stage, UnreadableClip } from '../report/data.ts';
import { formatConfig } from './config.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import type { TrainConfig } from './config_keys.ts';
import { type Fitted, patternsOf } from './fit.ts';
import { environmentOf } from './machine.ts';

/** A run that is done. */
export interface Outcome {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** Run folder. */
  readonly folder: string;
  readonly fitted: Fitted;
  readonly log: readonly LogEntry[];
  readonly names: readonly string[];
  /** Clips of `data.val`, and what the model says of them after its last step; undefined if there are none. */
  readonly val?: { readonly dataset: Dataset; readonly predictions: readonly Prediction[] };
}

/** What the report shows, and what `result.json` says beyond it: every class, worst pairs, every validation. */
export async function outcomeOf(
  run: Outcome,
): Promise<{ readonly data: ReportData; readonly numbers: Readonly<Record<string, unknown>> }> {
  const { gpu, config, folder, fitted, log, names, val } = run;
  const { step, validations, elapsedSeconds } = fitted;
  const counts = val &&
    countClasses(names, val.predictions.map(({ label, ranking }) => ({ truth: label, guess: ranking.at(0)?.label })));
  const data: ReportData = {
    title: `${SYSTEM[config.model.system]}, ${basename(resolve(folder))}`,
    summary: summaryOf(run),
    finishedAt: new Date().toISOString(),
    seed: config.run.seed,
    headlines: val === undefined || counts === undefined ? [] : headlinesOf(run, val.predictions, counts),
    stages: [stageOf(run)],
    confusions: [],
    classes: counts,
    clips: val === undefined ? [] : await clipsOf(run, val),
    unreadable: val === undefined ? [] : unreadableOf(val),
    environment: environmentOf(gpu),
    timings: [{ name: validations.length > 0 ? 'Training, with validations' : 'Training', seconds: elapsedSeconds }],
    config: formatConfig(config, folder),
  };
  const skipped = seriesOf(log, config.model.system, 'skipped').at(-1)?.[1] ?? 0;
  return { data,
    numbers: { steps: step, skippedSteps: skipped, validations, best: bestOf(validations) ?? null,
      ...(counts && classNumbers(counts)) } };
}

function summaryOf({ config, fitted, log, names, val }: Outcome): string {
  const { step, validations } = fitted;
  const system = config.model.system;
  const epochs = seriesOf(log, system, 'epoch').at(-1)?.[1] ?? 0;
  const best = bestOf(validations);
  const parts = [
    `${SYSTEM[system]} was trained for ${grouped(step)} steps, ${grouped(epochs)} ${
      epochs === 1 ? 'epoch' : 'epochs'
    }, to tell ${grouped(names.length)} classes apart.`,
  ];
  if (val === undefined) parts.push('There is no list data.val, so nothing was measured.');
  else {
    parts.push(`The results are those of its last step on ${grouped(val.predictions.length)} clips of data.val.`);
    if (best !== undefined && best.step !== step) {
      parts.push(`It was best after step ${grouped(best.step)}: that model stands in the folder best.`);
    }
  }
  return parts.join(' ');
}

const grouped = (count: number) => count.toLocaleString('en-US');

function headlinesOf({ config, fitted: { step, validations } }: Outcome, predictions: readonly Prediction[],
  counts: ClassCounts): Headline[] {
  const classes = counts.names.length;
  const clips = predictions.length;
  const system = SYSTEM[config.model.system];
  const best = bestOf(validations);
  const all = accuracyHeadlines({ system, classes, clips, top1: topShare(predictions, 1),
    top5: topShare(predictions, 5), meanPerClass: meanPerClass(classRows(counts)) });
  if (best === undefined || best.step === step) return all;
  return [...all, { key: 'best_top1', system: `${system}, after step ${grouped(best.step)}`,
    measure: `best top-1 of ${grouped(validations.length)} validations`, value: best.top1, clips, chance: 1 / classes,
    meaning: 'This model stands in the folder best.' }];
}

function stageOf({ config: { model: { system } }, fitted: { validations }, log }: Outcome): Stage {
  const newPartsLr = seriesOf(log, system, 'lr_mit');
  return { title: 'Training', validations,
    curves: [{ system: SYSTEM[system], loss: seriesOf(log, system, 'loss'), lr: seriesOf(log, system, 'lr'),
      ...(newPartsLr.length > 0 && { newPartsLr }) }] };
}

function clipsOf({ gpu, config, fitted, names }: Outcome,
  { dataset, predictions }: NonNullable<Outcome['val']>): Promise<ClipPrediction[]> {
  const { frames, size, crop } = config.data;
  return clipPredictions(gpu, fitted.system,
    worthShowing(predictions).map((prediction) => ({ prediction, entry: dataset.entries[prediction.index], names })), {
    frames,
    patterns: patternsOf(config),
    size,
    crop,
    seed: config.run.seed,
  });
}

/** Clips that nothing could be said of. */
const unreadableOf = ({ dataset, predictions }: NonNullable<Outcome['val']>): UnreadableClip[] =>
  predictions.flatMap(({ index, unreadable }) =>
    unreadable === undefined ? [] : [{ file: dataset.entries[index].path, reason: unreadable }]
  );
