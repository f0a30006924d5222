/** A model's tensors as the bytes of a file. */
import { type DType, type HostArrays, type Shape, sizeOf } from '../../engine/index.ts';
import { imageSizeOf, isNetwork, type ModelConfig } from '../systems/config.ts';
import { configToHuggingFace } from './huggingface.ts';
import { type Origin, ORIGINS, toStored } from './names/index.ts';
import { encodeTorch } from './pickle/write.ts';
import { type Preprocessor, preprocessorToHuggingFace } from './preprocessor.ts';
import { encodeSafetensors, type NamedTensor } from './safetensors.ts';
import { windowBuffers } from './window_buffers.ts';

/** One tensor of a file. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array;
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
