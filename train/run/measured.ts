/** What an evaluation came to: its result, and the data of its report. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { imageSizeOf, presetOf, type ModelConfig } from '../../model/systems/config.ts';
import { viewCount, type Views } from '../data/views/clip_views.ts';
import { type Prediction, topShare } from '../protocols/evaluation.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { EvaluationPart, EvaluationResult } from '../protocols/result.ts';
import { meanOf, sampleDeviation } from '../protocols/spread.ts';
import { partsOf } from '../protocols/switches.ts';
import { type Accuracy, accuracyHeadlines } from '../report/accuracy.ts';
import { classNumbers, classRows, countClasses, meanPerClass } from '../report/classes.ts';
import type { ClipPrediction, ReportData } from '../report/data.ts';
import { formatConfig } from './config.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import type { TrainConfig } from './config_keys.ts';
import { patternsOf } from './fit.ts';
import { environmentOf } from './machine.ts';
import type { Measurement } from './measurements.ts';
import { modelFolderOf, runFolderOf } from './model_folder.ts';
import { CONFIG_FILE } from './resuming.ts';
import { readYaml } from './yaml.ts';

/** A measurement, and what the model said. */
export interface Measured {
  readonly measurement: Measurement;
  readonly predictions: readonly Prediction[];
}

/** An evaluation that is done. */
export interface Evaluation {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** Of the configuration. */
  readonly name: string;
  readonly protocol: Protocol;
  readonly views: Views;
  /** Of the model. */
  readonly architecture: ModelConfig;
  readonly measured: readonly Measured[];
  readonly seconds: number;
}

/** Guesses that are kept of each clip. */
const GUESSES = 5;
const MEASURES = ['top1', 'top5', 'meanPerClass'] as const;

export function resultOf(evaluation: Evaluation): EvaluationResult {
  const { gpu, config, protocol, views, architecture, measured, seconds } = evaluation;
  const parts = measured.map((each) => partOf(config, each));
  const { evaluation: pattern } = patternsOf(config);
  const over = (reduce: (values: readonly number[]) => number | undefined) =>
    Object.fromEntries(MEASURES.map((key) => [key, reduce(parts.map((part) => part[key]))]));
  return {
    kind: 'evaluation',
    protocol,
    views: { count: viewCount(views), ...views, stride: pattern.kind === 'dense' ? pattern.stride : null },
    frames: architecture.frames,
    size: imageSizeOf(architecture),
    precision: config.train.precision,
    system: architecture.system,
    switches: partsOf(architecture),
    architecture: presetOf(architecture) ?? null,
    seed: config.run.seed,
    finishedAt: new Date().toISOString(),
    ...over(meanOf) as unknown as Accuracy,
    deviation: parts.length > 1 ? over(sampleDeviation) as unknown as Accuracy : null,
    parts,
    environment: { ...environmentOf(gpu) },
    seconds,
  };
}

function partOf(config: TrainConfig, { measurement, predictions }: Measured): EvaluationPart {
  const { name, checkpoint, list, names, leftOut, split, classesFile, draw } = measurement;
  const counts = countClasses(names, guessesOf(predictions));
  const run = runFolderOf(checkpoint) ?? null;
  return {
    name,
    weights: { checkpoint: modelFolderOf(checkpoint), run, config: run === null ? null : configIn(run) },
    data: { format: config.data.format, list: list.file, split, classesFile, draw },
    clips: predictions.length,
    leftOut,
    unreadable: predictions.filter(({ unreadable }) => unreadable !== undefined).length,
    top1: topShare(predictions, 1),
    top5: topShare(predictions, 5),
    meanPerClass: meanPerClass(classRows(counts)),
    ...classNumbers(counts),
    predictions: predictions.map(({ index, label, ranking, unreadable }) => ({
      file: list.entries[index].path,
      label: names[label],
      predictions: ranking.slice(0, GUESSES).map((guess) => ({ label: names[guess.label],
        probability: guess.probability })
      ),
      ...(unreadable !== undefined && { unreadable }),
    })),
  };
}

function* guessesOf(predictions: readonly Prediction[]) {
  for (const { label, ranking } of predictions) yield { truth: label, guess: ranking.at(0)?.label };
}

/** As the run folder holds it: what an older run does not say is not filled in. */
function configIn(run: string): Record<string, unknown> | null {
  const file = join(run, CONFIG_FILE);
  return existsSync(file) ? readYaml(file) : null;
}

/** @param clips to look at; none where the model saw more of them than can be shown */
export function reportOf(evaluation: Evaluation, result: EvaluationResult,
  clips: readonly ClipPrediction[]): ReportData {
  const { config, measured } = evaluation;
  const system = SYSTEM[result.system];
  const several = result.parts.length > 1;
  const counts = allClasses(measured);
  return {
    title: `${system}, ${evaluation.name}, ${result.protocol}`,
    summary: summaryOf(result, system),
    finishedAt: result.finishedAt,
    seed: result.seed,
    headlines: accuracyHeadlines({ ...result, system, classes: result.parts[0].classes.length,
      clips: result.parts.reduce((sum, part) => sum + part.clips, 0), deviation: result.deviation ?? undefined }),
    parts: several ? result.parts.map((part) => ({ ...part, classes: part.classes.length })) : [],
    stages: [],
    confusions: [],
    classes: counts,
    clips,
    unreadable: unreadableOf(result),
    environment: environmentOf(evaluation.gpu),
    timings: [{ name: 'Evaluation', seconds: result.seconds }],
    config: formatConfig(config),
  };
}

/** Classes of all measurements together, by name: splits share them, draws share some. */
function allClasses(measured: readonly Measured[]) {
  const names = [...new Set(measured.flatMap(({ measurement }) => measurement.names))];
  const places = new Map(names.map((name, place) => [name, place]));
  return countClasses(names, measured.flatMap(({ measurement, predictions }) => {
    const placeOf = (label: number) => places.get(measurement.names[label]) as number;
    return [...guessesOf(predictions)].map(({ truth, guess }) => ({ truth: placeOf(truth),
      guess: guess === undefined ? undefined : placeOf(guess) })
    );
  }));
}

/** Each file once, however often it was met. */
function unreadableOf({ parts }: EvaluationResult) {
  const reasons = new Map(
    parts.flatMap((part) =>
      part.predictions.flatMap((
        { file, unreadable },
      ) => (unreadable === undefined ? [] : [[file, unreadable] as const]))
    ),
  );
  return [...reasons].map(([file, reason]) => ({ file, reason }));
}

const grouped = (count: number) => count.toLocaleString('en-US');

function summaryOf({ parts, views, frames, size, architecture }: EvaluationResult, system: string): string {
  const [first] = parts;
  const looks = views.count === 1
    ? `one view of ${frames} frames of ${size} × ${size}`
    : `${views.count} views, ${views.crops} crops of ${views.clips === 1 ? 'one clip' : `${views.clips} clips`} (${
      views.sampling === 'even' ? 'evenly spread' : 'drawn by the seed'
    }), each of ${frames} frames of ${size} × ${size}`;
  const what = `${system}${architecture === null ? '' : `, ${architecture},`} chose among ${
    grouped(first.classes.length)
  } names for clips of ${first.data.list}, in ${looks}.`;
  if (parts.length === 1) {
    return `${what}${
      first.leftOut === 0 ? '' : ` Its ${grouped(first.leftOut)} clips of other classes were left out.`
    }`;
  }
  return `${what} The results are means over ${parts.length} measurements: ${
    parts.map(({ name }) => name).join(', ')
  }.`;
}
