import { assign, type Module, NonFiniteError, type Shape, sizeOf, StateDictError, type Tensor } from '../../engine/index.ts';
import { flavourOf, isIgnored, storedAs, transpose } from './names.ts';
import { encodeSafetensors, type SafetensorsFile } from './safetensors.ts';

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
  readonly #files: ReadonlyMap<string, SafetensorsFile>;

  constructor(path: string, files: readonly SafetensorsFile[]) {
    this.path = path;
    this.#files = new Map(files.flatMap((file) => file.names().filter((name) => !isIgnored(name)).map((name) => [name, file] as const)));
    this.flavour = flavourOf([...this.#files.keys()]);
  }

  /** Names as the files have them. */
  names(): string[] {
    return [...this.#files.keys()];
  }

  shape(name: string): Shape | undefined {
    return this.#files.get(name)?.entry(name).shape;
  }

  /** An official parameter, put together from what the files hold. */
  async read(official: string, shape: Shape): Promise<Float32Array> {
    const { parts, transposed, partShape } = this.stored(official, shape);
    const values = new Float32Array(sizeOf(shape));
    let offset = 0;
    for (const part of parts) {
      const file = this.#files.get(part);
      if (file === undefined) throw new StateDictError(this.path, { missing: [part], unexpected: [], mismatched: [] });
      const own = await file.floats(part);
      values.set(transposed ? transpose(own, partShape[0], partShape[1]) : own, offset);
      offset += own.length;
    }
    return values;
  }

  stored(official: string, shape: Shape): ReturnType<typeof storedAs> {
    return this.flavour === 'hf' ? storedAs(official, shape) : { parts: [official], transposed: false, partShape: shape };
  }
}

/**
 * Fills a model's parameters. Names and shapes are checked first, all at once; a weight that is not finite is refused by name.
 *
 * @param options.select which parameters to take  @param options.allowMissing leave parameters that the files lack as they are
 */
export async function loadWeights(model: Module, weights: Weights, options: { select?: Selection; allowMissing?: boolean } = {}): Promise<void> {
  const wanted = [...model.parameters()].filter(([name]) => options.select?.(name) ?? true);
  const missing: string[] = [];
  const mismatched: string[] = [];
  const used = new Set<string>();
  const present: [string, Tensor][] = [];
  for (const [name, tensor] of wanted) {
    const { parts, partShape } = weights.stored(name, tensor.shape);
    const absent = parts.filter((part) => weights.shape(part) === undefined);
    for (const part of parts) {
      used.add(part);
      const shape = weights.shape(part);
      if (shape !== undefined && String(shape) !== String(partShape)) mismatched.push(`${part} is [${shape}], the model needs [${partShape}]`);
    }
    if (absent.length === 0) present.push([name, tensor]);
    else if (!options.allowMissing) missing.push(...absent);
  }
  const unexpected = options.select === undefined ? weights.names().filter((name) => !used.has(name)) : [];
  if (missing.length + mismatched.length + unexpected.length > 0) throw new StateDictError(weights.path, { missing, unexpected, mismatched });
  for (const [name, tensor] of present) {
    const values = await weights.read(name, tensor.shape);
    if (!values.every(Number.isFinite)) throw new NonFiniteError(`"${name}" in ${weights.path}`);
    assign(name, tensor, values);
  }
}

/** An official parameter as the tensors of a Hugging Face file. */
export function toHuggingFace(official: string, shape: Shape, values: Float32Array): StoredTensor[] {
  const { parts, transposed, partShape } = storedAs(official, shape);
  const whole = transposed ? transpose(values, shape[0], shape[1]) : values;
  const size = sizeOf(partShape);
  return parts.map((name, i) => ({ name, shape: partShape, values: whole.subarray(i * size, (i + 1) * size) }));
}

/** The bytes of a model's file in Hugging Face's names, tensor by tensor. */
export function encodeModel(model: Module): AsyncGenerator<Uint8Array, void, undefined> {
  const sources = new Map<string, { official: string; parameter: Tensor }>();
  const tensors = [...model.parameters()].flatMap(([official, parameter]) => {
    const { parts, partShape } = storedAs(official, parameter.shape);
    return parts.map((name) => {
      sources.set(name, { official, parameter });
      return { name, shape: partShape };
    });
  });
  const read = async (name: string): Promise<Float32Array> => {
    const { official, parameter } = sources.get(name) as { official: string; parameter: Tensor };
    const stored = toHuggingFace(official, parameter.shape, await parameter.read()).find((tensor) => tensor.name === name);
    return (stored as StoredTensor).values;
  };
  return encodeSafetensors(tensors.sort((a, b) => (a.name < b.name ? -1 : 1)), read, { format: 'pt' });
}
