/** Fixtures on a disk. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FirstlightError } from '../../engine/index.ts';
import { reasonOf } from '../../engine/file_error.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegular } from '../../engine/regular_file.node.ts';
import { shown } from '../../engine/shown.ts';
import { FileBytes } from '../../model/checkpoint/bytes.node.ts';
import { FixtureFile } from './fixture.ts';

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
  return Promise.all(names.map((file) => readFixture(join(folder, basename(file, '.json')))));
}

/** The fixture of a path without its ending. */
async function readFixture(path: string): Promise<FixtureFile> {
  const text = (await readRegular(`${path}.json`)).toString();
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw new FirstlightError('FL_FIXTURE', `${path}.json: is not valid JSON: ${shown((cause as Error).message)}`, {},
      undefined, cause);
  }
  return new FixtureFile(path, json, (file) => FileBytes.open(file));
}
