import { assign, CheckpointFormatError, ConfigError, type Module, type Shape, sizeOf,
  StateDictError } from '../../engine/index.ts';
import { nearest } from '../../engine/nearest.ts';
import { type ModelConfig, textConfigOf } from '../systems/config.ts';
import { FRAME_POSITIONS, interpolateFrames } from './frame_positions.ts';
import { configToHuggingFace } from './huggingface.ts';
import { flavourOf, isIgnored, spelled, storedAs, transpose } from './names.ts';
import { encodeSafetensors, type NamedTensor, type SafetensorsFile } from './safetensors.ts';

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
  readonly flavour: 'hf' | 'official';
  /** Where each tensor lies, and its name there. */
  readonly #places: ReadonlyMap<string, { readonly file: SafetensorsFile; readonly name: string }>;

  constructor(path: string, files: readonly SafetensorsFile[]) {
    this.path = path;
    this.#places = new Map(
      files.flatMap((file) =>
        file.names().filter((name) => !isIgnored(name)).map((name) => [spelled(name), { file, name }] as const)
      ),
    );
    this.flavour = flavourOf([...this.#places.keys()]);
  }

  /** Names as the files have them, CLIP's as X-CLIP spells them. */
  names(): string[] {
    return [...this.#places.keys()];
  }

  /** Shape of a stored tensor; undefined if it is not there. */
  shape(name: string): Shape | undefined {
    const place = this.#places.get(name);
    return place?.file.entry(place.name).shape;
  }

  /** Numbers in all tensors. */
  get size(): number {
    return this.names().reduce((sum, name) => sum + sizeOf(this.shape(name) ?? []), 0);
  }

  /** An official parameter, put together from what the files hold. */
  async read(official: string, shape: Shape): Promise<Float32Array> {
    const { parts, transposed, partShape } = this.stored(official, shape);
    const values = new Float32Array(sizeOf(shape));
    let offset = 0;
    for (const part of parts) {
      const place = this.#places.get(part);
      if (place === undefined) throw new StateDictError(this.path, { missing: [part], unexpected: [], mismatched: [] });
      const own = await place.file.floats(place.name);
      values.set(transposed ? transpose(own, partShape[0], partShape[1]) : own, offset);
      offset += own.length;
    }
    return values;
  }

  /** How a parameter is stored here, by its official name and shape. */
  stored(official: string, shape: Shape): ReturnType<typeof storedAs> {
    return this.flavour === 'hf'
      ? storedAs(official, shape)
      : { parts: [official], transposed: false, partShape: shape };
  }
}

/** Times as many numbers as its files hold: what a configuration states beyond that is no slip. */
const MOST_TIMES = 4;

/**
 * Compares what a configuration states with what the files hold, before a model is built that none of them could fill.
 * A smaller difference is told name by name when the weights are loaded.
 */
export function requireHeld(config: ModelConfig, weights: Weights): void {
  const [stated, held] = [towerSize(config), weights.size];
  if (stated <= MOST_TIMES * held) return;
  const grouped = (count: number) => count.toLocaleString('en-US');
  throw new ConfigError(weights.path, [
    `the configuration states more than ${grouped(stated)} parameters, the files hold ${grouped(held)} numbers`,
  ], 'take configuration and weights from one checkpoint');
}

/** Parameters of the towers, in their matrices alone. */
function towerSize(config: ModelConfig): number {
  const { vision } = config;
  const text = textConfigOf(config);
  const blocks = ({ layers, width, mlp }: { layers: number; width: number; mlp: number }) =>
    layers * (4 * width * width + 2 * width * mlp);
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
}

/** A parameter by its official name. */
export type NamedShape = readonly [name: string, tensor: { readonly shape: Shape }];

/**
 * Compares the names and shapes of a model with those of the files, before anything is read. All that does not fit is
 * one error, with the name that may have been meant.
 *
 * @returns official names of the parameters that the files hold
 */
export function checkWeights(parameters: Iterable<NamedShape>, weights: Weights,
  { select, allowMissing = false, interpolateFrames: fits = false }: Demands = {}): string[] {
  const missing: string[] = [];
  const mismatched: string[] = [];
  const used = new Set<string>();
  const present: string[] = [];
  for (const [name, { shape }] of parameters) {
    if (select?.(name) === false) continue;
    const { parts, partShape } = weights.stored(name, shape);
    const absent = parts.filter((part) => weights.shape(part) === undefined);
    for (const part of parts) {
      used.add(part);
      const own = weights.shape(part);
      if (own === undefined || isSameShape(own, partShape)) continue;
      const differsInFrames = name === FRAME_POSITIONS && isOfOtherFrames(own, partShape);
      if (differsInFrames && fits) continue;
      mismatched.push(`${part} is [${own}], the model needs [${partShape}]${
        differsInFrames
          ? `: it was trained on ${own[1]} frames; take data.frames=${own[1]}, or model.interpolateFrames=true`
          : ''
      }`);
    }
    if (absent.length === 0) present.push(name);
    else if (!allowMissing || absent.length < parts.length) {
      missing.push(...absent.map((part) => `${part} [${partShape}]`));
    }
  }
  const unexpected = weights.names().filter((name) => !used.has(name));
  const complaints = select === undefined ? unexpected : [];
  if (missing.length + mismatched.length + complaints.length > 0) {
    // only as many as the error shows: comparing each with each takes its time
    const hinted = missing.map((entry, i) => (i < 20 ? withNearest(entry, unexpected) : entry));
    throw new StateDictError(weights.path, { missing: hinted, unexpected: complaints.map((name) =>
      `${name} [${weights.shape(name)}]`
    ), mismatched });
  }
  return present;
}

/** [1, T, E] with another T. */
function isOfOtherFrames(own: Shape, wanted: Shape): boolean {
  return own.length === 3 && own[0] === wanted[0] && own[2] === wanted[2] && own[1] > 0;
}

/** One number is one number, stored as [] or, as some files have `logit_scale`, as [1]. */
function isSameShape(a: Shape, b: Shape): boolean {
  return String(a) === String(b) || (sizeOf(a) === 1 && sizeOf(b) === 1);
}

function withNearest(entry: string, candidates: readonly string[]): string {
  const close = nearest(entry.split(' ')[0], candidates);
  return close === undefined ? entry : `${entry} (did you mean ${close}?)`;
}

/**
 * Fills a model's parameters and returns their names. Names and shapes are checked first; a weight that is not finite
 * is refused by name.
 */
export async function loadWeights(model: Module, weights: Weights, demands: Demands = {}): Promise<string[]> {
  const parameters = new Map(model.parameters());
  const present = checkWeights(parameters, weights, demands);
  for (const name of present) {
    const tensor = parameters.get(name);
    if (tensor === undefined) continue;
    const { parts } = weights.stored(name, tensor.shape);
    const stored = name === FRAME_POSITIONS ? weights.shape(parts[0]) ?? tensor.shape : tensor.shape;
    const values = await readFinite(weights, name, stored);
    assign(name, tensor, isSameShape(stored, tensor.shape)
      ? values
      : interpolateFrames(values, stored[1], tensor.shape[1]));
  }
  return present;
}

/** An official parameter; NaN and infinity are refused. */
export async function readFinite(weights: Weights, name: string, shape: Shape): Promise<Float32Array> {
  const values = await weights.read(name, shape);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return values;
  throw new CheckpointFormatError('NonFinite', weights.path, `holds ${values[wrong]} at place ${wrong}`, name);
}

/** An official parameter as the tensors of a Hugging Face file. */
export function toHuggingFace(official: string, shape: Shape, values: Float32Array): StoredTensor[] {
  const { parts, transposed, partShape } = storedAs(official, shape);
  const whole = transposed ? transpose(values, shape[0], shape[1]) : values;
  const size = sizeOf(partShape);
  return parts.map((name, i) => ({ name, shape: partShape, values: whole.subarray(i * size, (i + 1) * size) }));
}

/** A parameter that can be read back; a model's tensors are. */
export interface Readable {
  readonly shape: Shape;
  read(): Promise<Float32Array>;
  /** What to read in its place: a parameter that is stored as f16 has an f32 master. */
  readonly master?: { read(): Promise<Float32Array> } | undefined;
}

/** Tensors of a file, sorted by name as the format's other writers do, and how to read each. */
export interface FilePlan {
  readonly tensors: readonly NamedTensor[];
  read(name: string): Promise<Float32Array>;
}

/** A model's parameters as a file stores them, in Hugging Face's names or the official ones. */
export function planFile(parameters: Iterable<readonly [string, Readable]>, flavour: 'hf' | 'official'): FilePlan {
  const sources = new Map<string, { official: string; parameter: Readable; shape: Shape }>();
  for (const [official, parameter] of parameters) {
    const { parts, partShape } = flavour === 'hf'
      ? storedAs(official, parameter.shape)
      : { parts: [official], partShape: parameter.shape };
    for (const part of parts) sources.set(part, { official, parameter, shape: partShape });
  }
  // query, key and value are one parameter: read it once
  let last: { parameter: Readable; values: Float32Array } | undefined;
  return {
    tensors: [...sources].map(([name, { shape }]) => ({ name, shape })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async read(name) {
      const { official, parameter } = sources.get(name) as { official: string; parameter: Readable };
      if (last?.parameter !== parameter) last = { parameter, values: await (parameter.master ?? parameter).read() };
      if (flavour === 'official') return last.values;
      const [stored] = toHuggingFace(official, parameter.shape, last.values).filter((tensor) => tensor.name === name);
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

/**
 * The bytes of one file in the official names. Its metadata holds the configuration, which shapes alone do not give.
 */
export function encodeOfficial(parameters: Iterable<readonly [string, Readable]>,
  config: ModelConfig): AsyncGenerator<Uint8Array, void, undefined> {
  const { tensors, read } = planFile(parameters, 'official');
  return encodeSafetensors(tensors, read, { config: JSON.stringify(configToHuggingFace(config)), format: 'pt' });
}
