/** Fixtures in memory: of a few numbers, or copies of those in test/fixtures in which something is changed. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { FixtureFile, type FixtureTensor, FixtureTensors } from '../train/verify/fixture.ts';

/** Tensors of one file. */
export type Held = Record<string, FixtureTensor>;

/** Shape and values, which are integers if `Int32Array`. */
export const held = (shape: readonly number[], values: readonly number[] | Int32Array): FixtureTensor => ({ shape,
  values: values instanceof Int32Array ? values : Float32Array.from(values) });

/** A fixture whose files are made of what is given, and how many of them are open. */
export interface InMemory {
  readonly file: FixtureFile;
  readonly opened: () => number;
}

/** @param parts tensors by what stands between name and ending, nothing of a fixture that has one file */
export function fixtureOf(json: unknown, parts: Readonly<Record<string, Held>>, name = 'some'): InMemory {
  let opened = 0;
  const file = new FixtureFile(name, json, async (path) => {
    const part = path.slice(name.length).split('.').at(-2) ?? '';
    const bytes = bytesInMemory(path, await encoded(parts[part]));
    opened++;
    return { ...bytes, close: () => Promise.resolve(void opened--) };
  });
  return { file, opened: () => opened };
}

async function encoded(tensors: Held): Promise<Uint8Array> {
  const named = Object.entries(tensors).map((
    [name, { shape, values }],
  ) => ({ name, shape, dtype: values instanceof Int32Array ? 'I32' : 'F32' } as const));
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeSafetensors(named, (name) => tensors[name].values)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const pathOf = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** The description of a fixture, and tensors of it, to be changed. @param path from test/fixtures on */
export async function copied(path: string, ...parts: readonly string[]) {
  const json = JSON.parse(readFileSync(pathOf(`${path}.json`), 'utf8')) as Record<string, unknown>;
  const files = await Promise.all(parts.map(async (part) => {
    const file = pathOf(`${path}${part === '' ? '' : `.${part}`}.safetensors`);
    const tensors = await FixtureTensors.read(bytesInMemory(file, readFileSync(file)));
    return [part, Object.fromEntries(tensors.names().map((own) => [own, tensors.get(own)]))] as const;
  }));
  return { json, parts: Object.fromEntries(files) as Record<string, Held> };
}

/** Adds to one number, the first if no place is told. */
export function off(tensor: FixtureTensor, by: number, at = 0): void {
  tensor.values[at] += by;
}
