import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { type Document, isCollection, isMap, LineCounter, parse, parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { PRESETS } from '../../model/config.ts';
import { reasonOf } from '../../engine/file_error.ts';
import { nearest } from '../../engine/nearest.ts';
import { portable } from '../data/sets/portable.ts';

const positive = z.number().gt(0);
const notNegative = z.number().min(0);
const share = z.number().min(0).lt(1);
const count = z.int().min(1);
const path = z.string().min(1);

const model = z.strictObject({
  system: z.enum(['xclip', 'clip-mean']).default('xclip')
    .describe('xclip, or clip-mean: the same towers, frames encoded alone and averaged'),
  preset: z.enum(Object.keys(PRESETS) as (keyof typeof PRESETS)[]).nullable().default(null)
    .describe('architecture to start from random weights; give this or checkpoint'),
  checkpoint: path.nullable().default(null)
    .describe('folder with config.json and model.safetensors (CLIP or X-CLIP) to start from, or a run folder'),
  interpolateFrames: z.boolean().default(false).describe(
    'take the checkpoint for another number of data.frames, its positions of frames interpolated linearly',
  ),
  dropPath: share.default(0)
    .describe('rate of dropped residual branches at the last layer, rising linearly from 0'),
  init: z.strictObject({
    mitPositions: positive.default(0.02).describe(
      'standard deviation of the multi-frame positions; 1 when trained from nothing',
    ),
    mitWeights: positive.default(0.02).describe(
      'standard deviation of the multi-frame weights; 0.15 when trained from nothing',
    ),
    promptWeights: positive.default(0.02).describe(
      'standard deviation of the prompt weights; 0.05 when trained from nothing',
    ),
  }).prefault({}).describe('how the parts start that a CLIP checkpoint does not have'),
});

const data = z.strictObject({
  train: path.describe('list of training clips: a line each, "path label"'),
  val: path.nullable().default(null).describe('list of clips to evaluate on'),
  labels: path.describe('labels.csv: "id,name", the names are the texts'),
  root: path.nullable().default(null).describe("folder that the lists' paths start at; null: the folder of each list"),
  roots: z.array(path).default([]).describe('further folders that absolute paths and links in the lists may lead to'),
  firstLabel: z.literal([0, 1]).nullable().default(null)
    .describe('label of the first class in the lists; null: 0, and a list that seems to count from 1 is refused'),
  frames: count.max(1024).default(8).describe('frames sampled from a clip'),
  size: count.max(4096).default(224).describe('input side in pixels'),
  crop: z.boolean().default(true).describe(
    'cut training clips out at several scales and corners; false: always the largest square in the middle',
  ),
  flip: z.boolean().default(true).describe('mirror half of the training clips; false when left and right are labels'),
  workers: z.int().min(0).nullable().default(null).describe(
    'threads that decode ahead of the GPU; null: one less than processors, 1 at least; 0: none but the main thread',
  ),
  ahead: z.int().min(0).default(16).describe(
    'clips decoded ahead of the batch that is put together; they are kept in memory, cut to what is seen of them',
  ),
  cache: path.nullable().default(null).describe(
    'folder for decoded clips, on a fast disk; null: each epoch decodes them anew. It changes no bit',
  ),
  cacheGiB: positive.default(20).describe(
    'what data.cache may hold, at most half of what is free on its disk; what is in it stays, what finds no room is decoded',
  ),
  maxBadShare: z.number().min(0).max(1).default(0.01).describe(
    'share of the training clips that may be impossible to decode; such clips are replaced by others',
  ),
});

const train = z.strictObject({
  epochs: count.default(30).describe('passes over the training list'),
  warmupEpochs: notNegative.nullable().default(null).describe(
    'passes in which the learning rate rises from 0; null: 5, or a sixth of the run if that is less',
  ),
  steps: count.nullable().default(null).describe('optimiser steps instead of epochs'),
  warmupSteps: z.int().min(0).nullable().default(null).describe('optimiser steps instead of warmupEpochs'),
  batch: count.default(8).describe('clips of one micro-batch'),
  accumulation: count.default(1).describe('micro-batches of one optimiser step'),
  labelSmoothing: share.default(0.1).describe('share of the target spread over all classes'),
  fixText: z.boolean().default(true).describe('freeze the text encoder; its features are computed once'),
  precision: z.enum(['f32', 'f16']).default('f32')
    .describe(
      'how weights and activations are stored; f16 halves their memory and needs shader-f16; masters and sums are f32',
    ),
  recompute: z.boolean().default(false).describe(
    'recompute activations in the backward pass: less memory, a third more work',
  ),
});

const optim = z.strictObject({
  lr: positive.default(8e-6).describe('learning rate of the parts that come from CLIP'),
  newPartsLrScale: positive.default(10).describe('times lr for messages, multi-frame integration and prompts'),
  minLrRatio: z.number().min(0).max(1).default(0.01).describe('the rate at the end, as a share of lr, for all parts'),
  schedule: z.enum(['recipe', 'plain']).default('recipe').describe(
    'recipe: as the official code steps it; plain: cosine after the warm-up',
  ),
  weightDecay: notNegative.default(0.001).describe('AdamW weight decay of matrices'),
  betas: z.tuple([share, share]).default([0.9, 0.98]).describe('AdamW decay rates of the two moments'),
  eps: positive.default(1e-8).describe('AdamW epsilon'),
  maxGradNorm: positive.nullable().default(null).describe('clip the gradient to this norm; null: never'),
});

const run = z.strictObject({
  seed: z.int().min(0).default(1024).describe('of every random draw; the same seed gives the same bits on one adapter'),
  memoryGiB: positive.nullable().default(null).describe(
    'memory that the run may take on the GPU; null: four fifths of what the process may use on a software adapter, no limit on a card',
  ),
  evaluationBatch: count.nullable().default(null).describe(
    'clips that an evaluation takes at once; null: as many as fit. Its numbers are the same for any',
  ),
  logEverySteps: count.default(10).describe('optimiser steps between two entries of the log'),
  checkpointEverySteps: count.default(500).describe(
    'optimiser steps between two checkpoints; the last step always saves',
  ),
  evaluateEveryEpochs: count.nullable().default(1).describe(
    'passes over the training list between two evaluations on data.val; null: one at the end alone',
  ),
  evaluateEverySteps: count.nullable().default(null).describe('optimiser steps instead of evaluateEveryEpochs'),
  patience: count.nullable().default(null).describe(
    'evaluations in a row without a better top-1 that end the run early; null: it runs to its last step',
  ),
});

/**
 * The configuration of a training run. Defaults are those of the official recipe; every key is described where it
 * stands.
 */
const schema = z.strictObject({
  model: model.prefault({}).describe('the network'),
  data: data.describe('clips and labels; paths are relative to this file'),
  train: train.prefault({}).describe('the length of the run and the loss'),
  optim: optim.prefault({}).describe('AdamW and its learning rate'),
  run: run.prefault({}).describe('seed and intervals'),
});

export type TrainConfig = z.infer<typeof schema>;

/** A key of the configuration, for help texts. */
export interface ConfigKey {
  /** Dotted, e.g. `optim.lr`. */
  readonly key: string;
  /** Undefined for a section and for keys that must be given. */
  readonly fallback: unknown;
  readonly description: string;
  readonly isSection: boolean;
}

/** All keys in the order they are written. */
export const configKeys: readonly ConfigKey[] = walk(schema, []);

/** The section that a schema is, or undefined if it is a single value. */
function section(type: unknown): z.ZodObject | undefined {
  if (type instanceof z.ZodPrefault) return section(type.unwrap());
  return type instanceof z.ZodObject ? type : undefined;
}

function walk(type: z.ZodObject, at: readonly string[]): ConfigKey[] {
  return Object.entries(type.shape).flatMap(([name, inner]) => {
    const key = [...at, name];
    const nested = section(inner);
    const fallback = inner instanceof z.ZodDefault ? inner.def.defaultValue : undefined;
    const own: ConfigKey = { key: key.join('.'), fallback, description: z.globalRegistry.get(inner)?.description ?? '',
      isSection: nested !== undefined };
    return nested === undefined ? [own] : [own, ...walk(nested, key)];
  });
}

/** Keys that hold paths. In a file they are relative to the file, in `--set` to the working folder. */
const PATHS = ['model.checkpoint', 'data.train', 'data.val', 'data.labels', 'data.root', 'data.roots', 'data.cache'];

/**
 * Reads a YAML configuration and lays overrides over it. Paths come back absolute.
 * @param overrides `key=value` each, with dotted keys and YAML values, e.g. `optim.lr=1e-4`
 * @throws ConfigError with all problems at once, each with its line and column
 */
export function loadConfig(file: string, overrides: readonly string[] = []): TrainConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : reasonOf(cause);
    throw new ConfigError(file, [reason], 'see train/configs/ for one to start from');
  }
  return parseConfig(text, file, overrides);
}

/** As `loadConfig`, on text; `file` names it in messages and is where its paths start. */
export function parseConfig(text: string, file: string, overrides: readonly string[] = []): TrainConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      const { line } = lines.linePos(error.pos[0]);
      return `${place(lines, error.pos[0])}: ${lowerFirst(error.message)}: ${text.split('\n')[line - 1].trim()}`;
    });
    throw new ConfigError(file, listed(problems),
      'this is not valid YAML; indent with spaces, and quote texts that hold ": " or "#"');
  }
  if (document.contents !== null && !isMap(document.contents)) {
    throw new ConfigError(file, ['expected sections such as "data:" and "optim:"'],
      'see train/configs/ for one to start from');
  }
  resolvePaths(document, dirname(resolve(file)));
  const fromFlags = new Set<string>();
  for (const override of overrides) fromFlags.add(apply(document, override));

  const result = schema.safeParse(document.toJS() ?? {});
  const issues = result.success ? [] : result.error.issues.flatMap((issue) => explain(issue, document));
  if (result.success) issues.push(...contradictions(result.data));
  if (issues.length > 0) {
    const problems = issues.map(({ at, text: problem }) => {
      const key = at.join('.');
      if (fromFlags.has(key)) return { offset: Infinity, line: `--set ${key}: ${problem}` };
      const offset = offsetOf(document, at);
      return { offset: offset ?? -1,
        line: `${offset === undefined ? '' : `${place(lines, offset)}: `}${key}: ${problem}` };
    });
    throw new ConfigError(file, listed(problems.sort((a, b) => a.offset - b.offset).map(({ line }) => line)),
      '`firstlight train --help` lists every key');
  }
  return result.data as TrainConfig;
}

/** One problem stands behind the file's name; more stand below it, a line each. */
const listed = (
  problems: readonly string[],
) => (problems.length === 1 ? problems : [`${problems.length} problems`, ...problems.map((problem) => `  ${problem}`)]);

function place(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

function resolvePaths(document: Document, folder: string): void {
  for (const key of PATHS) {
    const at = key.split('.');
    const value = hasParent(document, at) ? document.getIn(at) : undefined;
    const plain: unknown = isCollection(value) ? value.toJS(document) : value;
    if (plain !== undefined) document.setIn(at, document.createNode(absolute(plain, (path) => resolve(folder, path))));
  }
}

/** A path, or each of a list of paths, made absolute; anything else as it is. */
function absolute(value: unknown, resolved: (path: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => absolute(each, resolved));
  return typeof value === 'string' && value !== '' ? resolved(value) : value;
}

/** Whether the section of a key is a section, and not a number that someone wrote there. */
function hasParent(document: Document, at: readonly string[]): boolean {
  return at.length === 1 ? isMap(document.contents) : isMap(document.getIn(at.slice(0, -1)));
}

/** Lays one `key=value` over the document and returns the key. */
function apply(document: Document, override: string): string {
  const equals = override.indexOf('=');
  if (equals < 1) throw new ConfigError(`--set ${override}`, ['expected key=value'], 'for example --set optim.lr=1e-4');
  const key = override.slice(0, equals).trim();
  const known = configKeys.find((candidate) => candidate.key === key);
  if (known === undefined) {
    throw new ConfigError(`--set ${key}`, [unknownKey(key)], '`firstlight train --help` lists every key');
  }
  if (known.isSection) {
    throw new ConfigError(`--set ${key}`, [`is a section; name one of its keys, such as ${childOf(key)}`]);
  }
  const raw = override.slice(equals + 1);
  let value: unknown;
  try {
    value = parse(raw);
  } catch (cause) {
    throw new ConfigError(`--set ${key}`, [
      `cannot read "${raw}" as a value: ${lowerFirst((cause as Error).message.split('\n')[0])}`,
    ]);
  }
  const at = key.split('.');
  for (let depth = 1; depth < at.length; depth++) {
    if (!isMap(document.getIn(at.slice(0, depth)))) document.setIn(at.slice(0, depth), document.createNode({}));
  }
  document.setIn(at,
    document.createNode(PATHS.includes(key) ? absolute(value, (path) => resolve(path)) : value));
  return key;
}

const childOf = (key: string) => configKeys.find((candidate) => candidate.key.startsWith(`${key}.`))?.key ?? key;

/** "is not a key; did you mean …": the same name in another section, or the nearest spelling. */
function unknownKey(key: string): string {
  const name = key.slice(key.lastIndexOf('.') + 1);
  const candidates = configKeys.map((known) => known.key);
  const sameName = candidates.find((known) => known.endsWith(`.${name}`));
  const guess = sameName ?? nearest(key, candidates) ?? byName(name, candidates) ?? byMeaning(name);
  return `is not a key${guess === undefined ? '' : `; did you mean ${guess}?`}`;
}

function byName(name: string, candidates: readonly string[]): string | undefined {
  const names = candidates.map((known) => known.slice(known.lastIndexOf('.') + 1));
  const guess = nearest(name, names);
  return guess === undefined ? undefined : candidates[names.indexOf(guess)];
}

/** `learningRate` → the key whose description speaks of a "learning rate". */
function byMeaning(name: string): string | undefined {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[-_]/g, ' ').toLowerCase();
  return configKeys.find(({ isSection, description }) => !isSection && description.toLowerCase().startsWith(words))
    ?.key;
}

interface Problem {
  readonly at: readonly string[];
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

/** A schema issue in the words of a person who writes the file. */
function explain(issue: Issue, document: Document): Problem[] {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ at: [...at, key], text: unknownKey([...at, key].join('.')) }));
  }
  const got = read(document, at);
  if (got === undefined) return [{ at, text: `is missing: ${expected(issue)}` }];
  const guess = issue.code === 'invalid_value' && typeof got === 'string'
    ? nearest(got, issue.values.map(String))
    : undefined;
  return [{ at,
    text: `expected ${expected(issue)}, got ${shown(got)}${guess === undefined ? '' : `; did you mean ${guess}?`}` }];
}

function read(document: Document, at: readonly string[]): unknown {
  return at.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
    document.toJS(),
  );
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return { int: 'a whole number', object: 'a section with keys', boolean: 'true or false', string: 'a text',
        number: 'a number', tuple: 'a list', array: 'a list' }[issue.expected as string] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    default:
      return lowerFirst(issue.message);
  }
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return 'a text that is not empty';
  if (origin === 'array') return `a list of ${limit} numbers`;
  return `${origin === 'int' ? 'a whole number' : 'a number'} ${relation} ${limit}`;
}

/** What no single key can tell. */
function contradictions(config: TrainConfig): Problem[] {
  const problems: Problem[] = [];
  const { preset, checkpoint } = config.model;
  if (preset === null && checkpoint === null) {
    problems.push({ at: ['model'], text: 'needs preset (random start) or checkpoint (a folder)' });
  }
  if (preset !== null && checkpoint !== null) {
    problems.push({ at: ['model', 'preset'],
      text: 'contradicts model.checkpoint, whose config.json says the architecture; leave one out' });
  }
  if (config.run.patience !== null && config.data.val === null) {
    problems.push({ at: ['run', 'patience'], text: 'needs data.val, a list of clips to evaluate on' });
  }
  const { epochs, warmupEpochs, steps, warmupSteps } = config.train;
  if (steps === null && warmupSteps === null && warmupEpochs !== null && warmupEpochs >= epochs) {
    problems.push({ at: ['train', 'warmupEpochs'],
      text: `expected less than train.epochs (${epochs}), got ${warmupEpochs}` });
  }
  if (steps !== null && warmupSteps !== null && warmupSteps >= steps) {
    problems.push({ at: ['train', 'warmupSteps'],
      text: `expected less than train.steps (${steps}), got ${warmupSteps}` });
  }
  return problems;
}

/** Where a key stands in the text: the key itself, or its section if it is missing. */
function offsetOf(document: Document, at: readonly string[]): number | undefined {
  if (at.length === 0) return undefined;
  const parent = at.length === 1 ? document.contents : document.getIn(at.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => String(item.key) === at.at(-1));
    const range = (pair?.key as { range?: readonly number[] } | undefined)?.range;
    if (range !== undefined) return range[0];
  } else if (isCollection(parent)) {
    return parent.range?.[0];
  }
  return offsetOf(document, at.slice(0, -1));
}

/**
 * The whole configuration as YAML, defaults included, each key with its description: what a run folder keeps. The same
 * configuration gives the same text, and reading the text gives the same configuration.
 *
 * @param folder where the text will lie: paths start there where they can. Without it they are absolute
 */
export function formatConfig(config: TrainConfig, folder?: string): string {
  const lines: string[] = [];
  for (const { key, description, isSection } of configKeys) {
    const at = key.split('.');
    const indent = '  '.repeat(at.length - 1);
    const own = at.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], config);
    const value = folder !== undefined && PATHS.includes(key) ? portableOf(own, resolve(folder)) : own;
    if (isSection && at.length === 1 && lines.length > 0) lines.push('');
    const entry = isSection
      ? `${at.at(-1)}:`
      : stringify({ [at.at(-1) as string]: value }, { collectionStyle: 'flow', flowCollectionPadding: false,
        lineWidth: 0 }).trim().replace(/^\{(.*)\}$/s, '$1');
    lines.push(`${`${indent}${entry}`.padEnd(28)} # ${description}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A path, or each of a list of paths, as a run folder keeps it; anything else as it is. */
function portableOf(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((each) => portableOf(each, folder));
  return typeof value === 'string' ? portable(value, folder) : value;
}

/** A name for the run: the file's, without its ending. */
export const runName = (file: string) => basename(file).replace(/\.ya?ml$/i, '');
