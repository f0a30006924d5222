/**
 * Whether tests pass without a defect: those that do not tell nothing. Kept in `.cache/mutate` for as long as nothing
 * changes that a test imports.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reachedFrom } from '../../bench/imports/graph.ts';
import type { Copy } from './copy.ts';
import { importedFrom, type TestFile } from './places.ts';
import { type Ending, runFile } from './run_file.ts';

/** Longer than any file of tests takes. */
const MOST_SECONDS = 900;

/** Asks a whole copy of the project, once for each test. */
export class Baselines {
  readonly #folder: string;
  readonly #copy: Copy;
  readonly #imported;

  constructor(root: string, copy: Copy) {
    this.#folder = join(root, '.cache/mutate');
    this.#copy = copy;
    this.#imported = importedFrom(root);
  }

  async passes(test: TestFile): Promise<boolean> {
    return (await this.#ending(test)) === 'passed';
  }

  async #ending(test: TestFile): Promise<Ending> {
    const hash = createHash('sha256').update(JSON.stringify(test));
    for (const file of [test.file, ...[...reachedFrom(this.#imported, test.file)].sort()]) {
      const path = join(this.#copy.folder, file);
      if (existsSync(path)) hash.update(readFileSync(path)); // some are names in texts alone
    }
    const path = join(this.#folder, hash.digest('hex').slice(0, 24));
    if (existsSync(path)) return readFileSync(path, 'utf8') as Ending;
    const ending = await runFile(this.#copy.folder, test, MOST_SECONDS);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(path, ending);
    return ending;
  }
}
