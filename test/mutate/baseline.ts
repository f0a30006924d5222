/**
 * Whether tests pass without a defect, for those that do not tell nothing, and which lines they run. Kept in
 * `.cache/mutate` for as long as nothing changes that a test imports.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reachedFrom } from '../../bench/imports/graph.ts';
import type { Copy } from './copy.ts';
import { type Lines, linesIn } from './coverage.ts';
import { importedFrom, type TestFile } from './places.ts';
import { type Ending, runFile } from './run_file.ts';

/** Longer than any file of tests takes. */
const MOST_SECONDS = 900;

/** How a file of tests ended without a defect, and the lines that it ran. */
interface Baseline {
  readonly ending: Ending;
  readonly lines: Lines;
}

/** Asks a whole copy of the project, once for each test. */
export class Baselines {
  readonly #folder: string;
  readonly #copy: Copy;
  readonly #imported;
  readonly #known = new Map<string, Baseline>();
  readonly #paths = new Map<string, string>();

  constructor(root: string, copy: Copy) {
    this.#folder = join(root, '.cache/mutate');
    this.#copy = copy;
    this.#imported = importedFrom(root);
  }

  async passes(test: TestFile): Promise<boolean> {
    return (await this.run(test)).ending === 'passed';
  }

  /** Whether a test runs a line; undefined: nobody has looked, or it is no TypeScript. */
  runs(test: TestFile, file: string, line: number): boolean | undefined {
    const lines = file.endsWith('.ts') ? this.#kept(test)?.lines : undefined;
    return lines && (lines[file]?.includes(line) ?? false);
  }

  async run(test: TestFile): Promise<Baseline> {
    const kept = this.#kept(test);
    if (kept !== undefined) return kept;
    const reports = mkdtempSync(join(tmpdir(), 'firstlight-lines-'));
    try {
      const environment = { ...test.environment, NODE_V8_COVERAGE: reports };
      const ending = await runFile(this.#copy.folder, { ...test, environment }, MOST_SECONDS);
      const baseline = { ending, lines: linesIn(reports, this.#copy.folder) };
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(this.#pathOf(test), JSON.stringify(baseline));
      return baseline;
    } finally {
      rmSync(reports, { recursive: true, force: true });
    }
  }

  #kept(test: TestFile): Baseline | undefined {
    const path = this.#pathOf(test);
    let known = this.#known.get(path);
    if (known === undefined && existsSync(path)) {
      known = JSON.parse(readFileSync(path, 'utf8')) as Baseline;
      this.#known.set(path, known);
    }
    return known;
  }

  #pathOf(test: TestFile): string {
    const key = JSON.stringify(test);
    const path = this.#paths.get(key) ?? join(this.#folder, `${this.#stateOf(test)}.json`);
    this.#paths.set(key, path);
    return path;
  }

  /** Changes with all that a test imports. The copy is whole whenever it is asked for. */
  #stateOf(test: TestFile): string {
    const hash = createHash('sha256').update(JSON.stringify(test));
    for (const file of [test.file, ...[...reachedFrom(this.#imported, test.file)].sort()]) {
      const path = join(this.#copy.folder, file);
      if (existsSync(path)) hash.update(readFileSync(path)); // some are names in texts alone
    }
    return hash.digest('hex').slice(0, 24);
  }
}
