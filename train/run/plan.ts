/** What a run would be, before there is anything but its configuration. */
import { existsSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { ConfigError, DatasetError, estimate, type Gpu, type LineProblem } from '../../engine/index.ts';
import { type ModelConfig, networkFor, type NetworkName, ofImageNet, PRESETS, presetOf,
  presetsOf } from '../../model/systems/config.ts';
import { publishedSet, type PublishedSet } from '../data/sets/published.ts';
import type { ScannedList } from '../data/sets/scan.ts';
import { namesFile, seenWarnings } from '../data/sets/sets.ts';
import { freeze, groupsOf, type ParameterGroup } from '../recipe/optimizer/index.ts';
import { type Schedule, scheduleOf } from '../recipe/schedule.ts';
import type { TrainConfig } from './config_keys.ts';
import { fileOf, namesOf, requireOneStep, scanOf } from './lists.ts';
import { forwardMacs, messageAnswerMacs } from './macs.ts';
import { estimateRun, type RunMemory } from './memory.ts';
import { configHeld, type ConfigOf, type StartKey } from './start.ts';
import { modelConfigOf, newModel } from './system.ts';
import { type TextSizes, textsOf, unknownTexts } from './texts.ts';

/** A number, and where it is from. */
export interface Known {
  readonly count: number;
  readonly source: string;
}

export interface Plan {
  readonly config: TrainConfig;
  readonly model: ModelConfig;
  /** Of the published architectures, the one that it is. */
  readonly preset: string | undefined;
  /** Why the architecture is known; undefined where its checkpoint, or the configuration, says it. */
  readonly guess: string | undefined;
  readonly trained: number;
  readonly frozen: number;
  /** Of parameters that learn. */
  readonly groups: readonly Omit<ParameterGroup, 'parameters'>[];
  readonly memory: RunMemory;
  readonly classes: Known;
  /** Which of them the checkpoint was fine-tuned on, if that is known. */
  readonly seen: readonly LineProblem[];
  readonly clips: Known;
  /** Multiply-adds. */
  readonly macs: {
    /** Of one clip and one text, forward. */
    readonly clip: number;
    /** The same as the paper counts it. */
    readonly published: number;
    /** Of all optimiser steps, gradients too. */
    readonly training: number;
  };
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly schedule: Schedule;
}

type Preset = keyof typeof PRESETS;

/** A path as a person in the working folder calls it, if that is shorter. */
function pathText(path: string): string {
  const near = relative('', path);
  return near.length < path.length ? near : path;
}

/**
 * Plans a run. Neither its videos nor its checkpoint need be there: lists that are not are taken to be those of the
 * data set that their path names, a checkpoint the published model that its folder is named after. Takes no memory on
 * the GPU.
 *
 * @param clips of data.train, if that is not there
 * @throws ConfigError if the architecture, the classes or the clips cannot be known
 */
export async function planOf(gpu: Gpu, config: TrainConfig,
  { clips: told }: { readonly clips?: number } = {}): Promise<Plan> {
  const { train, data } = config;
  const published = publishedSet(data.format, data.train);
  const classes = classesOf(config, published);
  const { model, guess } = await modelOf(config, Array.from({ length: classes.count }, (_, k) => `class ${k}`));
  const clips = clipsOf(config, published, classes.count, told);
  const stepsPerEpoch = requireOneStep(config, clips.count);
  const steps = train.steps ?? train.epochs * stepsPerEpoch;
  const texts = await textSizesOf(config, model, classes.count);
  const { memory, macs } = estimateRun(gpu, config, model, texts);
  const clip = forwardMacs(gpu, model);
  return {
    config,
    model,
    preset: presetOf(model),
    guess,
    ...parametersOf(gpu, config, model),
    memory,
    classes,
    seen: seenBefore(config),
    clips,
    macs: { clip, published: clip + messageAnswerMacs(model), training: steps * macs },
    stepsPerEpoch,
    steps,
    schedule: scheduleOf(config, Math.floor(clips.count / train.batch)),
  };
}

/** The model; the architecture of a checkpoint that is not there is that of the published model with its name. */
async function modelOf(config: TrainConfig,
  classes: readonly string[]): Promise<{ model: ModelConfig; guess?: string }> {
  const guessed: string[] = [];
  const configOf: ConfigOf = async (path, key) => {
    if (existsSync(path)) return configHeld(path);
    guessed.push(pathText(path));
    return publishedConfig(path, key);
  };
  const model = await modelConfigOf(config, classes, configOf);
  return guessed.length === 0
    ? { model }
    : { model, guess: `${guessed.join(' and ')} ${guessed.length === 1 ? 'is' : 'are'} not there` };
}

/**
 * The configuration of a published model, by its folder, or of a run that is called like one and after ImageNet, whose
 * ViT it started from.
 *
 * @throws ConfigError if its name is none of theirs
 */
export function publishedConfig(folder: string, key: StartKey): ModelConfig {
  const network = publishedNetwork(folder);
  if (network !== undefined) return network;
  const preset = publishedPreset(folder);
  if (preset === undefined) {
    throw new ConfigError(`model.${key}`, [
      `${folder} is not there, and "${basename(folder)}" is no published model`,
    ], key === 'checkpoint'
      ? 'say the architecture: --set model.checkpoint=null --set model.preset=B/16'
      : 'call it as it is published, such as vit-base-patch16-224-in21k');
  }
  const published = PRESETS[preset];
  const [isVit, isOfImageNet] = [/^vit[-_]/, /^vit[-_]|imagenet/].map((named) => named.test(basename(folder)));
  const vision = isOfImageNet ? ofImageNet(published.vision) : published.vision;
  return isVit ? { system: 'vit-mean', frames: published.frames, vision, classes: [] } : { ...published, vision };
}

/** Networks by how their published files are called, with what tells their preset. */
const NETWORKS: readonly (readonly [called: RegExp, system: NetworkName, frames: number])[] = [
  [/^resnet(50|101)\b/, 'tsn', 8],
  [/^tsm.*r(50|101)/, 'tsm', 8],
  [/^swin_(tiny|small|base|large)_patch4/, 'video-swin', 1],
  [/^swin-(tiny|small|base|large)-p244/, 'video-swin', 32],
  [/^swin3d_([tsb])\b/, 'video-swin', 32],
  [/^videomae-(small|base|large)/, 'videomae', 16],
  [/^timesformer-(base|large|hr)/, 'timesformer', 8],
];

/** The network of a file that is called like a published one. */
function publishedNetwork(folder: string): ModelConfig | undefined {
  for (const [called, system, frames] of NETWORKS) {
    const size = called.exec(basename(folder))?.[1];
    if (size === undefined) continue;
    const preset = presetsOf(system).find((name) =>
      name.toLowerCase().startsWith(/^\d/.test(size) ? `r${size}` : size[0])
    )
      ?? presetsOf(system)[0];
    const config = networkFor(system, preset, { frames, imageSize: 224, classes: [] });
    // a Swin of pictures is a video's whose windows and patches have one frame
    return config.system !== 'video-swin' || frames > 1 ?
      config :
      { ...config,
        network: { ...config.network, window: [1, ...config.network.window.slice(1)],
          patch: [1, ...config.network.patch.slice(1)] } };
  }
  return undefined;
}

/**
 * The architecture of a published model, by its folder: `clip-vit-base-patch32`, `clip-vit-large-patch14-336`,
 * `xclip-base-patch16-16-frames`; of ViTs `vit-base-patch16-224-in21k` or `vit_base_patch16_224.augreg_in21k`.
 */
export function publishedPreset(folder: string): Preset | undefined {
  const [, size, patch, side] = /(base|large)[-_]patch(\d+)(?:-(336))?/.exec(basename(folder)) ?? [];
  const preset = `${size?.charAt(0).toUpperCase()}/${patch}${side === undefined ? '' : `@${side}`}`;
  return Object.hasOwn(PRESETS, preset) ? (preset as Preset) : undefined;
}

function parametersOf(gpu: Gpu, config: TrainConfig, model: ModelConfig): Pick<Plan, 'trained' | 'frozen' | 'groups'> {
  const counts = { trained: 0, frozen: 0 };
  let groups: Plan['groups'] = [];
  estimate(gpu, () => {
    const built = newModel(gpu, config, model);
    freeze(built, config.train.tune);
    for (const [, { size, requiresGrad }] of built.parameters()) counts[requiresGrad ? 'trained' : 'frozen'] += size;
    groups = groupsOf(built, config.optim).filter(({ parameters }) => parameters.length > 0)
      .map(({ name, lrScale, weightDecay }) => ({ name, lrScale, weightDecay }));
  });
  return { ...counts, groups };
}

function classesOf(config: TrainConfig, published: PublishedSet | undefined): Known {
  const file = namesFile(config.data);
  if (existsSync(file)) return { count: namesOf(config).length, source: `of ${pathText(file)}` };
  if (published !== undefined) return { count: published.classes, source: `of ${published.name}` };
  throw new ConfigError('data.labels', [`${pathText(file)} is not there, and the path names no published data set`],
    'write it: a header "id,name", then a line for each class');
}

/** As `check` tells them, where both lists of names are there. */
function seenBefore({ data }: TrainConfig): LineProblem[] {
  return data.seen !== null && [data.seen, namesFile(data)].every((file) => existsSync(file)) ? seenWarnings(data) : [];
}

/** Of names that are there; else of texts that fill the context, for nobody knows how long they will be. */
async function textSizesOf(config: TrainConfig, model: ModelConfig, classes: number): Promise<TextSizes | undefined> {
  const { checkpoint } = config.model;
  const isThere = existsSync(namesFile(config.data)) && (checkpoint === null || existsSync(checkpoint));
  return isThere ? textsOf(config, model, namesOf(config)) : unknownTexts(config, model, classes);
}

function clipsOf(config: TrainConfig, published: PublishedSet | undefined, classes: number,
  told: number | undefined): Known {
  const { shots } = config.data;
  const file = fileOf(config, 'train');
  if (told !== undefined) return { count: told, source: 'as told' };
  if (shots !== null) return { count: shots * classes, source: `in all, ${shots} of each class` };
  const found = existsSync(file) ? scanned(config) : undefined;
  if (found !== undefined && found.entries.length > 0) {
    return { count: found.entries.length, source: `of ${pathText(file)}` };
  }
  if (found !== undefined && found.stated > 0) {
    return { count: found.stated, source: `lines of ${pathText(file)}, whose files are not there` };
  }
  if (published === undefined) {
    throw new ConfigError('data.train', [`${pathText(file)} is not there, and its path names no published data set`],
      'say how many clips it will have: --clips 5000');
  }
  return { count: published.clips,
    source: `${published.isRounded ? 'or so ' : ''}of ${published.name} as it was published; its clips are not there` };
}

/** The training list; undefined where the folder of its clips is not there. */
function scanned(config: TrainConfig): ScannedList | undefined {
  try {
    return scanOf(config, 'train', namesOf(config));
  } catch (error) {
    if (error instanceof DatasetError) return undefined;
    throw error;
  }
}
