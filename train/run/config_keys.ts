/** What a configuration of a training run may say: every key with its default and what it means. */
import { z } from 'zod';
import { BATCH_NORMS } from '../../model/parts/batch_norm.ts';
import { PRESET_NAMES, SYSTEM_NAMES } from '../../model/systems/config.ts';
import { TEMPLATE_MEANS, TEMPLATES, type Templates } from '../../model/templates.ts';
import { SUMS, WIRES } from '../recipe/gradient.ts';
import { GROUPINGS, OPTIMIZERS, TUNE } from '../recipe/optimizer/index.ts';
import { SCHEDULES } from '../recipe/schedule.ts';
import { SET_FORMATS } from '../data/sets/formats.ts';
import { CROPPINGS } from '../data/views/crops.ts';

const positive = z.number().gt(0);
const notNegative = z.number().min(0);
const share = z.number().min(0).lt(1);
const count = z.int().min(1);
const path = z.string().min(1).refine((text) => !text.includes('\0'), 'A path without NUL characters');

const model = z.strictObject({
  system: z.enum(SYSTEM_NAMES).default('xclip').describe(
    'xclip; of the same towers, clip-one: one frame, clip-mean: frames alone and averaged, clip-joint: all patches as one sequence; without texts, a head in their place: vit (the video encoder of xclip), vit-mean, vit-joint; other networks with a head: timesformer, timesformer-joint, timesformer-space, tsm, tsn (tsm without shift), video-swin, videomae, coswin; coswin with texts: x-florence',
  ),
  messages: z.boolean().default(true).describe('xclip: whether frames send messages to one another')
    .meta({ before: true }),
  integration: z.boolean().default(true).describe('xclip: whether frames are integrated by a transformer, not averaged')
    .meta({ before: true }),
  prompts: z.literal([true, false, 'learned']).nullable().default(null).describe(
    'whether texts look at the video that they are compared with; null: of xclip they do, of clip-… they do not; learned: 16 learned vectors stand in front of each text instead',
  ),
  preset: z.enum(PRESET_NAMES).nullable().default(null)
    .describe('architecture to start from random weights, one of those of the system; give this or checkpoint'),
  checkpoint: path.nullable().default(null)
    .describe(
      'what to start from: a folder with config.json and weights, or one file, .safetensors, .pth, .pt or .bin, of X-CLIP, CLIP or a ViT; or a run folder',
    ),
  vision: path.nullable().default(null).describe(
    'a second checkpoint, of a ViT such as those of ImageNet: pictures start from it, texts and the rest from model.checkpoint, and a projection that it lacks is new',
  ),
  interpolateFrames: z.boolean().default(false).describe(
    'take the checkpoint for another number of data.frames, its positions of frames interpolated linearly; those of timesformer are the nearest ones',
  ),
  interpolatePatches: z.boolean().default(false).describe(
    'take the checkpoint for pictures of another data.size, its positions of patches interpolated bicubically; those of timesformer are the nearest ones',
  ).meta({ before: false }),
  dropPath: share.default(0)
    .describe('rate of dropped residual branches at the last layer, rising linearly from 0'),
  dropout: share.default(0).describe('of a system with a head: rate of features that are dropped in front of it'),
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
    positions: positive.nullable().default(null).describe(
      'timesformer…, video-swin, coswin: standard deviation of positions in space and time, or of the bias tables of windows; 0.5 to 1 when trained from nothing; null: as published, 0.02, and 0 in time',
    ),
    weights: positive.nullable().default(null).describe(
      'the same systems: standard deviation of the weights of their blocks; 0.15 when trained from nothing; null: as published, 0.02, and 0 of temporal_fc',
    ),
  }).prefault({}).describe('how the parts start that the checkpoint does not have'),
});

const data = z.strictObject({
  format: z.enum(SET_FORMATS).default('list').describe(
    'how lists are written: list ("path label" lines), or as a data set is published: kinetics, ucf101, hmdb51',
  ),
  train: path.describe(
    'list of training clips: a line each, "path label"; kinetics: a table; ucf101: trainlist0{split}.txt; hmdb51: the folder of its splits',
  ),
  val: path.nullable().default(null).describe('list of clips to evaluate on, likewise; hmdb51: the same folder'),
  labels: path.nullable().default(null).describe(
    'labels.csv: "id,name", the names are the texts; null: ucf101 reads classInd.txt beside data.train, kinetics and hmdb51 take the names that data.train holds',
  ),
  split: z.literal([1, 2, 3]).default(1).describe(
    'of hmdb51, and what {split} in data.train, val and labels stands for',
  ),
  names: z.enum(['official', 'words']).default('official').describe(
    'official: texts are the names as they are published; words: cut, "ApplyEyeMakeup" becomes "Apply Eye Makeup"',
  ),
  seen: path.nullable().default(null).describe(
    'few-shot and zero-shot: names that the checkpoint was fine-tuned on, one a line, a labels.csv or a table of Kinetics; those of this data set among them, however spelled, are told',
  ),
  unseenOnly: z.boolean().default(false).describe('leave the classes of data.seen out, with their clips'),
  shots: count.nullable().default(null).describe(
    'few-shot: train on so many clips of each class, drawn from data.train; the run folder keeps them as a list, shots.txt',
  ),
  shotSeed: z.int().min(0).default(1024).describe('of that draw; fewer shots of one seed are among more'),
  root: path.nullable().default(null).describe("folder that the lists' paths start at; null: the folder of each list"),
  roots: z.array(path).default([]).describe('further folders that absolute paths and links in the lists may lead to'),
  firstLabel: z.literal([0, 1]).nullable().default(null)
    .describe('label of the first class in the lists; null: 0, and a list that seems to count from 1 is refused'),
  frames: count.max(1024).default(8).describe('frames sampled from a clip'),
  sampling: z.enum(['sparse', 'dense']).default('sparse').describe(
    'sparse: a frame of each of data.frames equal segments of a clip; dense: frames one behind the other, from a start at random',
  ),
  valSampling: z.enum(['sparse', 'dense']).nullable().default(null).describe(
    'the same in evaluation, where dense frames are those in the middle; null: as data.sampling',
  ),
  stride: count.default(1).describe('frames from one frame of a dense clip to the next'),
  size: count.max(4096).default(224).describe('input side in pixels'),
  crop: z.literal(CROPPINGS).default(true).describe(
    'how training clips are cut out. true: at several scales and corners; thirteen: and eight places between, as TSM; resized: 8 to 100 % of the area, as Video Swin; rescaled: a square of data.size anywhere in a picture whose size is drawn, as TimeSformer; false: always the largest square in the middle',
  ),
  flip: z.boolean().default(true).describe('mirror half of the training clips; false when left and right are labels'),
  templates: z.enum(Object.keys(TEMPLATES) as Templates[]).default('none').describe(
    'sentences for the names, one drawn for each step and all averaged in an evaluation: none, paper (the 16 of the supplement) or actionclip (16, of which two differ)',
  ),
  templateMean: z.enum(TEMPLATE_MEANS).default('softmax').describe(
    'what an evaluation averages over templates: softmax, logits or embeddings',
  ),
  jitter: z.number().min(0).max(1).default(0.8).describe(
    'share of the training clips whose brightness, contrast, saturation and hue are changed at random, anew in each frame; 0 when colours are labels',
  ).meta({ before: 0 }),
  gray: z.number().min(0).max(1).default(0.2).describe(
    'share of the training clips that are turned gray; 0 when colours are labels',
  ).meta({ before: 0 }),
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
  sum: z.enum(SUMS).default('tree').describe(
    'how gradients of micro-batches are added. tree: in an order that gives any number of ranks the same bits, with a gradient more in memory for each power of two; library: one after another, and over ranks as MPI does',
  ).meta({ before: 'library' }),
  wire: z.enum(WIRES).default('f32').describe(
    'how gradients travel between ranks. f16: with one power of two for each 1,024 numbers, in half the bytes; every gradient and sum of a step is rounded so, on one device too, so that the bits do not depend on the ranks',
  ),
  labelSmoothing: share.default(0.1).describe('share of the target spread over all classes'),
  mixup: notNegative.default(0.8).describe(
    'mixup: two clips are laid over each other, one with a weight drawn from Beta(mixup, mixup); 0: never',
  ).meta({ before: 0 }),
  cutmix: notNegative.default(1).describe(
    'cutmix: a box of another clip is pasted in, what is left of the area drawn from Beta(cutmix, cutmix); 0: never',
  ).meta({ before: 0 }),
  mixSwitch: z.number().min(0).max(1).default(0.5).describe(
    'share of the micro-batches that get cutmix where both are on; the others get mixup',
  ),
  tune: z.enum(TUNE).default('visual').describe(
    'which towers learn beside the new parts: visual, text, both or none; features of texts that do not learn are computed once',
  ),
  precision: z.enum(['f32', 'f16']).default('f32')
    .describe(
      'how weights and activations are stored; f16 halves their memory and needs shader-f16; masters and sums are f32',
    ),
  batchNorm: z.enum(BATCH_NORMS).default('train').describe(
    'of a system that has batch norms: whether all of them train, the first alone (partial), or none (frozen); the others take their running statistics, and do not learn',
  ),
  recompute: z.boolean().default(false).describe(
    'recompute activations in the backward pass: less memory, a third more work',
  ),
});

const optim = z.strictObject({
  lr: positive.default(8e-6).describe('learning rate of the parts that come from a checkpoint'),
  name: z.enum(OPTIMIZERS).default('adamw').describe('how gradients become steps: adamw or sgd'),
  groups: z.enum(GROUPINGS).nullable().default(null).describe(
    'which parameters learn at other rates, or without decay. recipe: as X-CLIP; mmaction2: as trainings of MMAction2 ran; written: as its files say, where that is something else; fork: as Video Swin’s own code; null: mmaction2 for a system that it has, else recipe',
  ),
  newPartsLrScale: positive.default(10).describe(
    'optim.groups: recipe: times lr for messages, multi-frame integration, prompts, and a head',
  ),
  minLrRatio: z.number().min(0).max(1).default(0.01).describe(
    'the rate at the end of a cosine, as a share of lr, for all parts',
  ),
  schedule: z.enum(SCHEDULES).default('recipe').describe(
    'recipe: as the official code steps it; plain: cosine after the warm-up; epoch-cosine: cosine that falls from epoch to epoch; milestones: steps at optim.milestones',
  ),
  milestones: z.array(count).default([]).describe(
    'epochs after which the rate is multiplied by optim.milestoneFactor, such as [25, 45]',
  ),
  milestoneFactor: positive.lt(1).default(0.1).describe('of optim.milestones'),
  warmupBy: z.enum(['batch', 'epoch']).default('batch').describe(
    'epoch-cosine and milestones: whether the rate rises with each micro-batch of the warm-up, or each epoch',
  ),
  warmupStart: z.number().min(0).max(1).default(0.1).describe(
    'epoch-cosine and milestones: the share of the rate that the warm-up begins with',
  ),
  weightDecay: notNegative.default(0.001).describe(
    'weight decay; AdamW’s is apart from the gradient, SGD’s is added to it. optim.groups says of which parameters',
  ),
  momentum: share.default(0.9).describe('SGD: factor on what gradients have gathered before; 0: nothing is gathered'),
  nesterov: z.boolean().default(false).describe('SGD: a step looks ahead by the momentum that it has'),
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
    'views of clips that an evaluation takes at once; null: as many as fit. Its numbers are the same for any',
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
  compareEverySteps: count.default(100).describe('optimiser steps between two comparisons of the weights of all ranks'),
  mixedAdapters: z.boolean().default(false).describe(
    'let ranks train on adapters of several kinds, which drift apart: every run.compareEverySteps they take the weights of rank 0, and no bits are promised',
  ),
  collectiveMinutes: positive.default(10).describe(
    'what ranks may wait for one another in a step, an evaluation or a checkpoint, before the run ends with an error',
  ),
});

/**
 * The configuration of a training run. Defaults are those of the official recipe; every key is described where it
 * stands.
 */
export const schema = z.strictObject({
  model: model.prefault({}).describe('the network'),
  data: data.describe('clips and labels; paths are relative to this file'),
  train: train.prefault({}).describe('the length of the run and the loss'),
  optim: optim.prefault({}).describe('the optimiser and its learning rate'),
  run: run.prefault({}).describe('seed and intervals'),
});

export type TrainConfig = z.infer<typeof schema>;

/** A key of the configuration, for help texts. */
export interface ConfigKey {
  /** Dotted, e.g. `optim.lr`. */
  readonly key: string;
  /** Undefined for a section and for keys that must be given. */
  readonly fallback: unknown;
  /** What runs did while there was no such key: a stored configuration without it meant this. */
  readonly before: unknown;
  readonly description: string;
  readonly isSection: boolean;
}

/** All keys in the order they are written. */
export const configKeys: readonly ConfigKey[] = keysOf(schema);

/** The section that a schema is, or undefined if it is a single value. */
function section(type: unknown): z.ZodObject | undefined {
  if (type instanceof z.ZodPrefault) return section(type.unwrap());
  return type instanceof z.ZodObject ? type : undefined;
}

/**
 * All keys of a section and of those in it. One whose default is not what runs did before it was there says so where it
 * stands: `.meta({ before: … })`, behind its description.
 */
export function keysOf(type: z.ZodObject, at: readonly string[] = []): ConfigKey[] {
  return Object.entries(type.shape).flatMap(([name, inner]) => {
    const key = [...at, name];
    const nested = section(inner);
    const fallback = inner instanceof z.ZodDefault ? inner.def.defaultValue : undefined;
    const { description = '', before = fallback } = z.globalRegistry.get(inner) ?? {};
    const own: ConfigKey = { key: key.join('.'), fallback, before, description, isSection: nested !== undefined };
    return nested === undefined ? [own] : [own, ...keysOf(nested, key)];
  });
}

/** Keys that hold paths. In a file they are relative to the file, in `--set` to the working folder. */
export const PATHS = ['model.checkpoint', 'model.vision', 'data.train', 'data.val', 'data.labels', 'data.seen',
  'data.root', 'data.roots', 'data.cache'];
