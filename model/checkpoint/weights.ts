import { ConfigError, type DType, type HostArrays, type Shape, sizeOf, StateDictError } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { familyOf, imageSizeOf, isNetwork, type ModelConfig, textConfigOf } from '../systems/config.ts';
import { FRAME_POSITIONS, interpolateFrames, interpolatePatches, nearestFrames, nearestPatches, PATCH_POSITIONS,
  repeatedRows, sideOf, SWIN_TABLE, TIMESFORMER_FRAMES, TIMESFORMER_PATCHES } from './positions.ts';
import { configToHuggingFace } from './huggingface.ts';
import { fromStored, type Origin, originOf, ORIGINS, type Stored, toStored } from './names/index.ts';
import { encodeTorch } from './pickle/write.ts';
import { joined, type PieceRooms } from './pieces.ts';
import { type Preprocessor, preprocessorToHuggingFace } from './preprocessor.ts';
import { encodeSafetensors, type NamedTensor } from './safetensors.ts';
import { countsOf, floatsOf, requireFloats, type TensorFile } from './tensor_file.ts';
import { windowBuffers } from './window_buffers.ts';

/** Which of a model's parameters to load; all if omitted. */
export type Selection = (name: string) => boolean;

/** One tensor of a file. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** Several files that hold one checkpoint: one, or the shards of a large one. */
export class Weights {
  readonly path: string;
  /** Whose names the files use. */
  readonly origin: Origin;
  /** What the files have beside parameters: buffers of old files, heads for other classes. */
  readonly aside: readonly string[];
  /** What was saved beside the tensors and is not read, each in words: optimisers, logs. */
  readonly beside: readonly string[];
  readonly #files: readonly TensorFile[];
  /** The file of each tensor, and the names of those that are not left aside. */
  readonly #fileOf: ReadonlyMap<string, TensorFile>;
  readonly #names: readonly string[];

  constructor(path: string, files: readonly TensorFile[]) {
    this.path = path;
    this.#files = files;
    this.beside = files.flatMap(({ beside }) => beside);
    this.#fileOf = new Map(files.flatMap((file) => file.names().map((name) => [name, file] as const)));
    const all = [...this.#fileOf.keys()];
    this.origin = originOf(all);
    const names = ORIGINS[this.origin];
    this.aside = all.filter((name) => names.isAside(name));
    this.#names = all.filter((name) => !names.isAside(name));
  }

  /** Names of what is not left aside, as the files have them. */
  names(): string[] {
    return [...this.#names];
  }

  /** Shape of a stored tensor; undefined if it is not there. */
  shape(name: string): Shape | undefined {
    return this.#fileOf.get(name)?.entry(name).shape;
  }

  /** The shape that our parameter has of which a stored tensor is a part; undefined if it is not there. */
  shapeOf(name: string): Shape | undefined {
    const shape = this.shape(name);
    return shape && ORIGINS[this.origin].meant(name).shape(shape);
  }

  /** Our parameters that the files hold, with their shapes: what belongs to none is one of its own name. */
  parameters(): Map<string, Shape> {
    const names = ORIGINS[this.origin];
    return new Map(this.names().map((name) => [names.meant(name).ours, this.shapeOf(name) as Shape]));
  }

  /** The same, to be read: what `saveCheckpoint` and `saveOfficial` write. */
  readables(): [string, Readable][] {
    return [...this.parameters()].map(([name, shape]) => {
      const [part] = this.stored(name, shape).parts;
      return this.#fileOf.get(part)?.entry(part).dtype === 'I64'
        ? [name, { shape, dtype: 'u32', read: () => this.counts(name, shape) }]
        : [name, { shape, read: () => this.read(name, shape) }];
    });
  }

  /** Numbers that the files hold. */
  get size(): number {
    return this.#files.reduce((sum, { numbers }) => sum + numbers, 0);
  }

  /** An official parameter, put together from what the files hold. */
  async read(official: string, shape: Shape): Promise<Float32Array> {
    const values = new Float32Array(sizeOf(shape));
    let at = 0;
    for await (const piece of this.pieces(official, shape)) {
      values.set(piece, at);
      at += piece.length;
    }
    return values;
  }

  /** The same in pieces, in their order; each is there until the next one is asked for. */
  async *pieces(official: string, shape: Shape, rooms?: PieceRooms): AsyncGenerator<Float32Array, void, undefined> {
    const { parts, order, partShape } = this.stored(official, shape);
    for (const part of parts) {
      const file = this.#fileWith(part, partShape);
      if (order !== 'same') yield fromStored(order, await file.floats(part), partShape, shape);
      else {
        const { dtype } = file.entry(part);
        requireFloats(file, part, dtype);
        for await (const bytes of file.pieces(part, rooms)) {
          yield floatsOf(dtype, bytes, rooms?.words(bytes.length / 2));
        }
      }
    }
  }

  /** Some rows of an official matrix, one after another, where files hold it as it is: a table. */
  async rows(official: string, shape: Shape, places: readonly number[]): Promise<Float32Array> {
    const { parts: [part], partShape } = this.stored(official, shape);
    return await this.#fileWith(part, partShape).rows(part, places);
  }

  /** An official buffer of whole numbers. @throws CheckpointFormatError of those that 32 bits do not hold */
  async counts(official: string, shape: Shape): Promise<Uint32Array> {
    const { parts: [part], partShape } = this.stored(official, shape);
    const file = this.#fileWith(part, partShape);
    const { dtype } = file.entry(part);
    const bytes = (dtype === 'I64' ? 8 : 4) * sizeOf(shape);
    return countsOf(file, part, dtype, await joined(bytes, file.pieces(part)));
  }

  /** The file of a tensor. @throws StateDictError if it is in none, or is not as the parts beside it make it */
  #fileWith(part: string, partShape: Shape): TensorFile {
    const file = this.#fileOf.get(part);
    const own = file?.entry(part).shape;
    if (file !== undefined && own !== undefined && isSameShape(own, partShape)) return file;
    throw new StateDictError(this.path, { missing: own === undefined ? [part] : [], unexpected: [],
      mismatched: own === undefined ? [] : [`${part} is [${own}], expected [${partShape}]`] });
  }

  /** How a parameter is stored here, by its official name and shape. */
  stored(official: string, shape: Shape): Stored {
    return ORIGINS[this.origin].storedAs(official, shape);
  }
}

/** Times as many numbers as its files hold: what a configuration states beyond that is no slip. */
const MOST_TIMES = 4;

/**
 * Compares what a configuration states with what the files hold, before a model is built that none of them could fill.
 * A smaller difference is told name by name when the weights are loaded.
 */
export function requireHeld(config: ModelConfig, weights: Weights): void {
  const [stated, held] = [matricesOf(config), weights.size];
  if (stated <= MOST_TIMES * held) return;
  const grouped = (count: number) => count.toLocaleString('en-US');
  throw new ConfigError(weights.path, [
    `the configuration states more than ${grouped(stated)} parameters, the files hold ${grouped(held)} numbers`,
  ], 'take configuration and weights from one checkpoint');
}

/** Parameters of the large matrices alone. */
function matricesOf(config: ModelConfig): number {
  const blocks = ({ layers, width, mlp }: { layers: number; width: number; mlp: number }) =>
    layers * (4 * width * width + 2 * width * mlp);
  if (isNetwork(config)) return familyOf(config.system).parameters(config.network, config);
  const { vision } = config;
  const text = textConfigOf(config);
  return blocks(vision) + 3 * vision.patch ** 2 * vision.width + (vision.imageSize / vision.patch) ** 2 * vision.width
    + (text === undefined ? 0 : blocks(text) + (text.vocab + text.context) * text.width);
}

/** Which parameters of a model a checkpoint must hold. */
export interface Demands {
  /** Official names of the parameters to take; all if omitted. What else the files hold is then not looked at. */
  readonly select?: Selection;
  /** Leave parameters that the files lack as they are. */
  readonly allowMissing?: boolean;
  /** Take positions of another number of frames, and interpolate them. */
  readonly interpolateFrames?: boolean;
  /** Take positions of another number of patches, and interpolate them. */
  readonly interpolatePatches?: boolean;
}

/** Positions that may be for other numbers of what they are the places of. */
interface Positions {
  /** What asks for it, here and in a configuration. */
  readonly demand: 'interpolateFrames' | 'interpolatePatches';
  /** What those of that shape are for, where they could be made fit; undefined of other shapes. */
  made(own: Shape, wanted: Shape): string | undefined;
  fitted(values: Float32Array, own: Shape, wanted: Shape): Float32Array;
}

/** Of the frames of a clip, in the last extent but one. */
const ofFrames = (fit: typeof interpolateFrames): Positions => ({
  demand: 'interpolateFrames',
  made: (shape) => {
    const frames = shape.at(-2) as number;
    return frames > 0 ? `it was trained on ${frames} frames; take data.frames=${frames}, or` : undefined;
  },
  fitted: (values, own, wanted) => fit(values, own.at(-2) as number, wanted.at(-2) as number),
});

/** Of a class token and of patches in a square. */
const ofPatches = (fit: typeof interpolatePatches): Positions => ({
  demand: 'interpolatePatches',
  made: ([rows]) => {
    const side = sideOf(rows);
    return side === undefined ? undefined : `it was trained on ${side} x ${side} patches; take pictures of as many, or`;
  },
  fitted: (values, [own], [wanted]) => fit(values, sideOf(own) as number, sideOf(wanted) as number),
});

/** Of offsets within windows of a Swin, where the file's windows have one frame. */
const OF_WINDOWS: Positions = {
  demand: 'interpolateFrames',
  made: ([own], [wanted]) =>
    wanted % own === 0 ? 'it is of windows of another length; one of pictures is inflated with' : undefined,
  fitted: (values, [own], [wanted]) => repeatedRows(values, own, wanted),
};

const POSITIONS: ReadonlyMap<string, Positions> = new Map([
  [FRAME_POSITIONS, ofFrames(interpolateFrames)],
  [PATCH_POSITIONS, ofPatches(interpolatePatches)],
  [TIMESFORMER_FRAMES, ofFrames(nearestFrames)],
  [TIMESFORMER_PATCHES, ofPatches(nearestPatches)],
]);

/** Positions that a parameter holds, by its official name. */
export function positionsOf(name: string): Positions | undefined {
  return POSITIONS.get(name) ?? (SWIN_TABLE.test(name) ? OF_WINDOWS : undefined);
}

/** A parameter or a buffer by its official name. */
export type NamedShape = readonly [name: string, tensor: { readonly shape: Shape; readonly dtype?: DType }];

/** How names and shapes of a model and of files differ. */
export interface Difference {
  /** Official names of the parameters that the files hold. */
  readonly present: readonly string[];
  /** What the files lack, as they would call it, with its shape and the name that may have been meant. */
  readonly missing: readonly string[];
  /** What the model has no place for. */
  readonly unexpected: readonly string[];
  readonly mismatched: readonly string[];
}

/** Hints that are looked for: only as many as an error shows, for comparing each with each takes its time. */
const MOST_HINTS = 20;

/** Compares the names and shapes of a model with those of the files. Nothing is read. */
export function compareWeights(parameters: Iterable<NamedShape>, weights: Weights,
  { select, allowMissing = false, ...asked }: Demands = {}): Difference {
  const missing: string[] = [];
  const mismatched: string[] = [];
  const used = new Set<string>();
  const present: string[] = [];
  for (const [name, { shape, dtype }] of parameters) {
    if (select?.(name) === false) continue;
    const { parts, partShape } = weights.stored(name, shape);
    const absent = parts.filter((part) => weights.shape(part) === undefined);
    for (const part of parts) {
      used.add(part);
      const own = weights.shape(part);
      if (own === undefined || isSameShape(own, partShape)) continue;
      const positions = positionsOf(name);
      const made = differsInLength(own, partShape) ? positions?.made(weights.shapeOf(part) as Shape, shape) : undefined;
      if (positions !== undefined && made !== undefined && asked[positions.demand] === true) continue;
      mismatched.push(
        `${part} is [${own}], the model needs [${partShape}]${
          made === undefined ? '' : `: ${made} model.${positions?.demand}=true`
        }`,
      );
    }
    if (absent.length === 0) present.push(name);
    else if (dtype === 'u32') continue; // a count, which older files lack, as torch reads them: it stays
    else if (!allowMissing || absent.length < parts.length) {
      missing.push(...absent.map((part) => `${part} [${partShape}]`));
    }
  }
  const unused = weights.names().filter((name) => !used.has(name));
  return { present, mismatched,
    missing: missing.map((entry, i) => (i < MOST_HINTS ? withNearest(entry, unused) : entry)),
    unexpected: select === undefined ? unused.map((name) => `${name} [${weights.shape(name)}]`) : [] };
}

/**
 * The same, before anything is read: all that does not fit is one error.
 *
 * @returns official names of the parameters that the files hold
 */
export function checkWeights(parameters: Iterable<NamedShape>, weights: Weights,
  demands: Demands = {}): readonly string[] {
  const { present, ...problems } = compareWeights(parameters, weights, demands);
  if (Object.values(problems).some((list) => list.length > 0)) throw new StateDictError(weights.path, problems);
  return present;
}

/** Whether rows are as long, and there are more or fewer of them. */
function differsInLength(own: Shape, wanted: Shape): boolean {
  const other = (shape: Shape) => String(shape.toSpliced(-2, 1));
  return own.length > 1 && own.length === wanted.length && other(own) === other(wanted);
}

/** One number is one number, stored as [] or, as some files have `logit_scale`, as [1]. */
export function isSameShape(a: Shape, b: Shape): boolean {
  return String(a) === String(b) || (sizeOf(a) === 1 && sizeOf(b) === 1);
}

/** A name, or a name with its shape, and the one that may have been meant. */
export function withNearest(entry: string, candidates: readonly string[]): string {
  const close = nearest(entry.split(' ')[0], candidates);
  return close === undefined ? entry : `${entry} (did you mean ${close}?)`;
}

/** An official parameter as the tensors of a file in the names of another origin. */
export function toOrigin(origin: Origin, official: string, shape: Shape, values: Float32Array): StoredTensor[] {
  const { parts, order, partShape } = ORIGINS[origin].storedAs(official, shape);
  const whole = toStored(order, values, shape);
  const size = sizeOf(partShape);
  return parts.map((name, i) => ({ name, shape: partShape, values: whole.subarray(i * size, (i + 1) * size) }));
}

/** The same in Hugging Face's names. */
export function toHuggingFace(official: string, shape: Shape, values: Float32Array): StoredTensor[] {
  return toOrigin('hf', official, shape, values);
}

/** A parameter or a buffer that can be read back; a model's tensors are. */
export interface Readable {
  readonly shape: Shape;
  /** f32 if omitted. u32 are counts, which files hold as I64. */
  readonly dtype?: DType;
  read(): Promise<HostArrays[DType]>;
  /** What to read in its place: a parameter that is stored as f16 has an f32 master. */
  readonly master?: { read(): Promise<Float32Array> } | undefined;
}

/** Tensors of a file, sorted by name as the format's other writers do, and how to read each. */
export interface FilePlan {
  readonly tensors: readonly NamedTensor[];
  read(name: string): Promise<Float32Array | BigInt64Array>;
}

/** A model's parameters and buffers as a file stores them, in the names of an origin. */
export function planFile(parameters: Iterable<readonly [string, Readable]>, origin: Origin): FilePlan {
  const sources = new Map<string, { official: string; parameter: Readable; shape: Shape }>();
  for (const [official, parameter] of parameters) {
    const { parts, partShape } = ORIGINS[origin].storedAs(official, parameter.shape);
    for (const part of parts) sources.set(part, { official, parameter, shape: partShape });
  }
  // query, key and value are one parameter: read it once
  let last: { parameter: Readable; values: Float32Array } | undefined;
  const typeOf = ({ dtype }: Readable) => (dtype === 'u32' ? { dtype: 'I64' as const } : {});
  return {
    tensors: [...sources].map(([name, { shape, parameter }]) => ({ name, shape, ...typeOf(parameter) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    async read(name) {
      const { official, parameter } = sources.get(name) as { official: string; parameter: Readable };
      if (parameter.dtype === 'u32') return BigInt64Array.from((await parameter.read()) as Uint32Array, BigInt);
      if (last?.parameter !== parameter) {
        last = { parameter, values: (await (parameter.master ?? parameter).read()) as Float32Array };
      }
      const [stored] = toOrigin(origin, official, parameter.shape, last.values).filter((tensor) =>
        tensor.name === name
      );
      return stored.values;
    },
  };
}

/** The bytes of a model's file in Hugging Face's names, tensor by tensor. */
export function encodeModel(
  parameters: Iterable<readonly [string, Readable]>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { tensors, read } = planFile(parameters, 'hf');
  return encodeSafetensors(tensors, read, { format: 'pt' });
}

/** Whose names single files are written in: those of the code that the model is published with. */
export function fileOrigin(config: ModelConfig): Origin {
  if (!isNetwork(config)) return 'official';
  return config.system === 'videomae' ? 'mmaction-videomae' : 'mmaction';
}

/** Texts that single files of ours hold beside the tensors, as JSON. */
export const TEXTS = { config: 'config', preprocessor: 'preprocessor' };

/**
 * The bytes of one file in the official names: safetensors, or the zip archive of PyTorch's. Beside the tensors it
 * holds the configuration, which shapes alone do not give, and the preprocessor, if one is given.
 */
export function encodeOfficial(parameters: Iterable<readonly [string, Readable]>, config: ModelConfig,
  format: 'safetensors' | 'torch' = 'safetensors',
  preprocessor?: Preprocessor): AsyncGenerator<Uint8Array, void, undefined> {
  const { tensors, read } = planFile([...parameters, ...windowBuffers(config)], fileOrigin(config));
  const texts = { [TEXTS.config]: JSON.stringify(configToHuggingFace(config)), ...(preprocessor && {
    [TEXTS.preprocessor]: JSON.stringify(preprocessorToHuggingFace(preprocessor, imageSizeOf(config))),
  }) };
  return format === 'torch'
    ? encodeTorch(tensors, read, texts)
    : encodeSafetensors(tensors, read, { ...texts, format: 'pt' });
}
