import { ConfigError, type DType, type Shape, sizeOf, StateDictError } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { familyOf, isNetwork, type ModelConfig, textConfigOf } from '../systems/config.ts';
import { FRAME_POSITIONS, interpolateFrames, interpolatePatches, nearestFrames, nearestPatches, PATCH_POSITIONS,
  repeatedRows, sideOf, SWIN_TABLE, TIMESFORMER_FRAMES, TIMESFORMER_PATCHES } from './positions.ts';
import type { Readable } from './encoding.ts';
import { fromStored, type Origin, originOf, ORIGINS, type Stored } from './names/index.ts';
import { joined, type PieceRooms } from './pieces.ts';
import { countsOf, floatsOf, requireFloats, type TensorFile } from './tensor_file.ts';

/** Which of a model's parameters to load; all if omitted. */
export type Selection = (name: string) => boolean;

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
