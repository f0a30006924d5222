/** A fixture, wherever its files lie: on a disk, or behind an address of a page. */
import type { z } from 'zod';
import { FirstlightError, type Shape } from '../../engine/index.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';
import type { ByteSource } from '../../model/checkpoint/bytes.ts';
import { openSafetensors } from '../../model/checkpoint/safetensors.ts';
import { issueText } from '../log/schemas.ts';

/** A tensor of a fixture on the host. */
export interface FixtureTensor {
  readonly shape: Shape;
  readonly values: Float32Array | Int32Array;
}

/** All tensors of one file. */
export class FixtureTensors {
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, FixtureTensor>;

  constructor(path: string, tensors: ReadonlyMap<string, FixtureTensor>) {
    this.#path = path;
    this.#tensors = tensors;
  }

  /** All of a file of safetensors. */
  static async read(bytes: ByteSource): Promise<FixtureTensors> {
    const file = await openSafetensors(bytes);
    const tensors = new Map<string, FixtureTensor>();
    for (const name of file.names()) {
      const { shape, dtype } = file.entry(name);
      tensors.set(name, { shape, values: dtype.startsWith('I') ? await file.integers(name) : await file.floats(name) });
    }
    return new FixtureTensors(bytes.name, tensors);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): FixtureTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new FirstlightError('FL_FIXTURE', `${this.#path}: there is no tensor "${name}"`);
    return tensor;
  }

  /** Values of a floating-point tensor. */
  floats(name: string): Float32Array {
    const { values } = this.get(name);
    if (!(values instanceof Float32Array)) {
      throw new FirstlightError('FL_FIXTURE',
        `${this.#path}: tensor "${name}" holds integers, expected floating-point numbers`);
    }
    return values;
  }

  /** Values of an integer tensor. */
  integers(name: string): Int32Array {
    const { values } = this.get(name);
    if (!(values instanceof Int32Array)) {
      throw new FirstlightError('FL_FIXTURE',
        `${this.#path}: tensor "${name}" holds floating-point numbers, expected integers`);
    }
    return values;
  }

  /** Names that start with `prefix`. */
  names(prefix = ''): string[] {
    return [...this.#tensors.keys()].filter((name) => name.startsWith(prefix));
  }
}

/** A file while it is read. */
export interface OpenBytes extends ByteSource {
  close(): Promise<void>;
}

/** A fixture: a JSON description and the tensors beside it. */
export class FixtureFile {
  readonly name: string;
  readonly json: JsonObject;
  readonly #path: string;
  readonly #open: (path: string) => Promise<OpenBytes>;
  readonly #described = new Map<z.ZodType, unknown>();

  /** @param path of its files, without their endings  @param open opens a file by its path */
  constructor(path: string, json: unknown, open: (path: string) => Promise<OpenBytes>) {
    if (!isObject(json)) {
      throw new FirstlightError('FL_FIXTURE', `${path}.json: expected an object, got ${shownValue(json)}`);
    }
    this.name = path.split(/[\\/]/).at(-1) as string;
    this.json = json;
    this.#path = path;
    this.#open = open;
  }

  /** What the description holds, as far as a check needs it. @throws if it is not as the schema says */
  described<T>(schema: z.ZodType<T>): T {
    const known = this.#described.get(schema);
    if (known !== undefined) return known as T;
    const found = schema.safeParse(this.json);
    if (!found.success) throw new FirstlightError('FL_FIXTURE', `${this.name}.json: ${issueText(found.error)}`);
    this.#described.set(schema, found.data);
    return found.data;
  }

  /** `<name>.safetensors`, or `<name>.<part>.safetensors`. Close it after use. */
  open(part?: string): Promise<OpenBytes> {
    return this.#open(`${this.#path}${part === undefined ? '' : `.${part}`}.safetensors`);
  }

  /** All tensors of that file. */
  async tensors(part?: string): Promise<FixtureTensors> {
    const bytes = await this.open(part);
    try {
      return await FixtureTensors.read(bytes);
    } finally {
      await bytes.close();
    }
  }
}
