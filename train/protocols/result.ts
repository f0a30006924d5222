/** What an evaluation came to, as a file that people, scripts and `firstlight table` read. */
import { z } from 'zod';
import { FirstlightError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { shown } from '../../engine/shown.ts';
import { issueText } from '../log/schemas.ts';
import { SYSTEM_NAMES } from '../../model/systems/config.ts';
import { CLIP_SAMPLINGS } from '../data/views/clip_views.ts';
import { PROTOCOLS } from './protocol.ts';
import { PROMPTING } from './switches.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(0);

/** One class of a part; of its clips those that were left out do not count. */
const classRow = z.object({ name: z.string(), clips: count, right: count, top1: share.nullable(),
  wronglyGiven: count });

/** One measurement: a checkpoint on the clips of one split, with one set of names to choose from. */
const part = z.object({
  /** e.g. `split 2`, `draw 1`, `runs/k2-seed1`. */
  name: z.string(),
  weights: z.object({
    /** The folder that was loaded. */
    checkpoint: z.string(),
    /** The run folder that it belongs to; null: none. */
    run: z.string().nullable(),
    /** The configuration that it was trained with, as the run folder holds it; null: it is in none. */
    config: z.record(z.string(), z.unknown()).nullable(),
  }),
  data: z.object({
    format: z.string(),
    /** The list of clips. */
    list: z.string(),
    split: count.nullable(),
    /** The file that its names were chosen from or drawn of; null: all names of the data set. */
    classesFile: z.string().nullable(),
    /** Which draw from that file, from 1; null: none. */
    draw: count.nullable(),
  }),
  /** Measured: unreadable ones are among them, and wrong. */
  clips: count,
  /** Of the list, but not of the classes that are measured. */
  leftOut: count,
  unreadable: count,
  top1: share,
  top5: share,
  meanPerClass: share,
  classes: z.array(classRow),
  /** Pairs that occurred, right ones too: [place of the class, of what it was taken for, clips]. */
  confusion: z.array(z.tuple([count, count, count])),
  /** Worst pairs, by name. */
  confused: z.array(z.object({ label: z.string(), takenFor: z.string(), clips: count })),
  predictions: z.array(
    z.object({ file: z.string(), label: z.string(),
      predictions: z.array(z.object({ label: z.string(), probability: z.number() })),
      unreadable: z.string().optional() }),
  ),
});

const deviations = z.object({ top1: z.number(), top5: z.number(), meanPerClass: z.number() });

export const evaluationSchema = z.object({
  /** Tells this file from the `result.json` of a training. */
  kind: z.literal('evaluation'),
  protocol: z.enum(PROTOCOLS),
  /** crops × clips of each clip; `sampling` of the frames: middle (of each segment), random (as in training), even. */
  views: z.object({ count, crops: count, clips: count, sampling: z.enum(CLIP_SAMPLINGS),
    /** Of dense clips, frames from one to the next; null: sparse ones. */
    stride: count.nullable().optional() }),
  frames: count,
  size: count,
  precision: z.enum(['f32', 'f16']),
  system: z.enum(SYSTEM_NAMES),
  /** Which parts the model has; left out by older versions. */
  switches: z.object({ messages: z.boolean(), integration: z.boolean(), prompts: z.enum(PROMPTING) }).optional(),
  /** A preset's name, such as B/16; null: another. */
  architecture: z.string().nullable(),
  seed: count,
  finishedAt: z.string(),
  /** Means over the parts. */
  top1: share,
  top5: share,
  meanPerClass: share,
  /** Sample deviations (n − 1) over the parts; null: there is one part alone. */
  deviation: deviations.nullable(),
  parts: z.array(part).min(1),
  environment: z.record(z.string(), z.unknown()),
  seconds: z.number(),
});

export type EvaluationResult = z.infer<typeof evaluationSchema>;
export type EvaluationPart = EvaluationResult['parts'][number];

/** A result by itself, or what else a file is. @throws FirstlightError naming what is not as expected */
export function readEvaluation(file: string): EvaluationResult {
  const text = readRegularSync(file).toString();
  const refuse = (problem: string) =>
    new FirstlightError('FL_RESULT', `${shown(file)}: ${problem}`, { file },
      'measure again with `firstlight evaluate`');
  let json: unknown;
  try {
    json = parseJson(text);
  } catch {
    throw refuse('is not JSON');
  }
  const read = evaluationSchema.safeParse(json);
  if (read.success) return read.data;
  throw refuse(`is not the result of an evaluation: ${issueText(read.error)}`);
}

/** The name of the file in a run folder. @param name of the configuration that it was measured with */
export function evaluationFile(protocol: EvaluationResult['protocol'], name: string): string {
  return `evaluation.${protocol}${name === 'config' ? '' : `.${name}`}.json`;
}

/** Whether a file of a run folder is such a result. */
export const isEvaluationFile = (name: string): boolean => /^evaluation\..+\.json$/.test(name);
