import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { FirstlightError, type Shape } from '../../engine/index.ts';
import { reasonOf } from '../../engine/file_error.ts';
import { isObject, type JsonObject, parseJson } from '../../engine/json.ts';
import { readRegular } from '../../engine/regular_file.node.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import { FileBytes } from '../../model/checkpoint/bytes.node.ts';
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

  static async read(path: string): Promise<FixtureTensors> {
    const bytes = await FileBytes.open(path);
    try {
      const file = await openSafetensors(bytes);
      const tensors = new Map<string, FixtureTensor>();
      for (const name of file.names()) {
        const { shape, dtype } = file.entry(name);
        tensors.set(name, { shape,
          values: dtype.startsWith('I') ? await file.integers(name) : await file.floats(name) });
      }
      return new FixtureTensors(path, tensors);
    } finally {
      await bytes.close();
    }
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

/** A fixture: a JSON description and the tensors beside it. */
export class FixtureFile {
  readonly name: string;
  readonly json: JsonObject;
  readonly #folder: string;
  readonly #described = new Map<z.ZodType, unknown>();

  constructor(folder: string, name: string, json: unknown) {
    if (!isObject(json)) {
      throw new FirstlightError('FL_FIXTURE',
        `${join(folder, name)}.json: expected an object, got ${shownValue(json)}`);
    }
    this.#folder = folder;
    this.name = name;
    this.json = json;
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

  /** `<name>.safetensors`, or `<name>.<part>.safetensors`. */
  tensors(part?: string): Promise<FixtureTensors> {
    return FixtureTensors.read(this.path(part));
  }

  path(part?: string): string {
    return join(this.#folder, `${this.name}${part === undefined ? '' : `.${part}`}.safetensors`);
  }
}

/** Every fixture of a folder, by name. */
export async function readFixtures(folder: string): Promise<FixtureFile[]> {
  const files = await readdir(folder).catch((cause: Error) => {
    throw new FirstlightError('FL_FIXTURE', `${folder}: cannot be read: ${reasonOf(cause)}`, {},
      'verify takes folders that hold fixtures', cause);
  });
  const names = files.filter((file) => file.endsWith('.json')).sort();
  if (names.length === 0) {
    throw new FirstlightError('FL_FIXTURE', `${folder}: holds no fixture (no .json file)`, {},
      'verify takes folders that hold fixtures');
  }
  return Promise.all(
    names.map(async (file) => {
      const text = (await readRegular(join(folder, file))).toString();
      let json: unknown;
      try {
        json = parseJson(text);
      } catch (cause) {
        throw new FirstlightError('FL_FIXTURE',
          `${join(folder, file)}: is not valid JSON: ${shown((cause as Error).message)}`, {}, undefined, cause);
      }
      return new FixtureFile(folder, basename(file, '.json'), json);
    }),
  );
}
