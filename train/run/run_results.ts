/** What runs came to, whichever way it was measured: evaluations in their folders, or their last validation. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { FirstlightError } from '../../engine/errors.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { shown } from '../../engine/shown.ts';
import type { SystemName } from '../../model/systems/config.ts';
import { publishedSet } from '../data/sets/published.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { type EvaluationResult, isEvaluationFile, readEvaluation } from '../protocols/result.ts';
import { partsOfSystem, type Switches, usual } from '../protocols/switches.ts';
import { RESULT_FILE } from '../report/write.ts';
import { configKeys, schema, type TrainConfig } from './config_keys.ts';
import { publishedPreset } from './plan.ts';
import { CONFIG_FILE } from './resuming.ts';
import { choicesOf } from './system.ts';
import { readYaml } from './yaml.ts';

/** One measurement of a run, in shares. */
export interface RunResult {
  /** As it was named. */
  readonly run: string;
  /** The file that says so. */
  readonly file: string;
  /** Undefined: the validation at the end of a training. */
  readonly protocol?: Protocol;
  readonly system: TrainConfig['model']['system'];
  readonly switches: Switches;
  /** The published architecture; undefined: another. */
  readonly preset?: string;
  readonly frames: number;
  readonly size: number;
  readonly views: readonly [clips: number, crops: number];
  /** The published data set that it was measured on; undefined: another. */
  readonly set?: string;
  /** Names to choose from, and clips, of each part. */
  readonly classes: number;
  readonly clips: number;
  readonly unreadable: number;
  readonly splits: readonly (number | null)[];
  readonly parts: number;
  readonly top1: number;
  readonly top5: number;
  readonly deviation?: { readonly top1: number; readonly top5: number };
  /** The training; undefined: no run folder tells. */
  readonly training?: TrainConfig;
  /** The weights that were measured. */
  readonly checkpoint?: string;
}

/**
 * All that a run folder, or the file of an evaluation, says of its accuracy.
 * @throws FirstlightError naming what is not there, or not as expected
 */
export function resultsOf(run: string): readonly RunResult[] {
  if (!existsSync(run)) throw refused(run, 'no such file or folder');
  if (!statSync(run).isDirectory()) return [ofEvaluation(run, run)];
  const files = readdirSync(run).filter(isEvaluationFile).sort().map((name) => join(run, name));
  if (files.length > 0) return files.map((file) => ofEvaluation(run, file));
  const result = join(run, RESULT_FILE);
  if (!existsSync(result)) throw refused(run, `holds neither an evaluation nor ${RESULT_FILE}`);
  return [ofTraining(run, result)];
}

const refused = (run: string, problem: string) =>
  new FirstlightError('FL_RESULT', `${shown(run)}: ${problem}`, { run },
    'name the folder of a run that ended, or a file that `firstlight evaluate --json` wrote');

function ofEvaluation(run: string, file: string): RunResult {
  const result = readEvaluation(file);
  const { protocol, system, architecture, frames, size, views, parts, top1, top5, deviation } = result;
  const [{ data, weights }] = parts;
  const training = weights.config === null ? undefined : storedConfig(weights.config);
  const mean = (of: (part: EvaluationResult['parts'][number]) => number) =>
    Math.round(parts.reduce((sum, part) => sum + of(part), 0) / parts.length);
  return {
    run,
    file,
    protocol,
    system,
    switches: { ...switchesOf(system, training), ...result.switches },
    preset: architecture ?? undefined,
    frames,
    size,
    views: [views.clips, views.crops],
    set: publishedSet(data.format, data.list)?.name,
    classes: mean((part) => part.classes.length),
    clips: mean((part) => part.clips),
    unreadable: parts.reduce((sum, part) => sum + part.unreadable, 0),
    splits: parts.map((part) => part.data.split),
    parts: parts.length,
    top1,
    top5,
    deviation: deviation ?? undefined,
    training,
    checkpoint: weights.checkpoint,
  };
}

/** What is known of a system by the configuration of its training; without one, that it has its usual parts. */
function switchesOf(system: SystemName, training: TrainConfig | undefined): Switches {
  const { tune: _, templates: __, start: ___, ...parts } = usual(system);
  if (training === undefined) return parts;
  const { model, train, data } = training;
  const trained = partsOfSystem(system, choicesOf(model));
  return { ...trained, tune: train.tune, templates: data.templates, start: startOf(model) };
}

/** What a training's towers were trained on before; the name of a checkpoint that does not tell. */
function startOf({ checkpoint, vision }: TrainConfig['model']): string {
  const path = vision ?? checkpoint;
  if (path === null) return 'none';
  const name = basename(path);
  if (/(in|imagenet)-?21k/.test(name)) return 'ImageNet-21k';
  if (/(in|imagenet)-?1k/.test(name)) return 'ImageNet-1k';
  return name.startsWith('clip-') && publishedPreset(name) !== undefined ? 'CLIP' : name;
}

/** A configuration as a run folder keeps it; keys that are new since have what runs did then. */
function storedConfig(config: Readonly<Record<string, unknown>>): TrainConfig | undefined {
  const filled = structuredClone(config);
  for (const { key, before, isSection } of configKeys) {
    const [section, ...names] = key.split('.');
    const name = names.pop();
    const own = names.reduce<unknown>((at, each) => (at as Record<string, unknown> | undefined)?.[each],
      filled[section]);
    if (isSection || name === undefined || typeof own !== 'object' || own === null || before === undefined) continue;
    (own as Record<string, unknown>)[name] ??= before;
  }
  return schema.safeParse(filled).data;
}

const headline = z.object({ value: z.number().min(0).max(1), clips: z.int().min(0) });
const trainingResult = z.object({ results: z.object({ top1: headline, top5: headline }),
  classes: z.array(z.unknown()) });

/** The numbers of a training's last step. */
function ofTraining(run: string, file: string): RunResult {
  let json: unknown;
  try {
    json = parseJson(readRegularSync(file).toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw refused(file, 'is not JSON');
    throw error;
  }
  const read = trainingResult.safeParse(json);
  if (!read.success) throw refused(file, 'has no top-1 and top-5 of a training: it had no list data.val');
  const { results: { top1, top5 }, classes } = read.data;
  const config = join(run, CONFIG_FILE);
  const training = storedConfig(readYaml(config));
  if (training === undefined) throw refused(config, 'is not the configuration of a run');
  const { model, data } = training;
  const { system, preset } = model;
  return { run, file, system, switches: switchesOf(system, training),
    preset: preset ?? publishedPreset(model.checkpoint ?? ''), frames: data.frames, size: data.size, views: [1, 1],
    set: publishedSet(data.format, data.val ?? '')?.name, classes: classes.length, clips: top1.clips, unreadable: 0,
    splits: [null], parts: 1, top1: top1.value, top5: top5.value, training };
}
