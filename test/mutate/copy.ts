import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { Defects } from './defects.ts';
import type { TestFile } from './places.ts';
import { type Mutant, mutated } from './rules.ts';
import { type Ending, runFile } from './run_file.ts';
import { switched } from './switches.ts';

/** None is part of the sources. */
const LEFT_OUT = ['node_modules', '.git', '.cache', 'runs', 'dist', 'site'];

/**
 * A copy of the project with all defects of its TypeScript behind switches. Others, and those that a switch does not
 * reach, are written into it one at a time. It goes with the process.
 */
export class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'firstlight-mutate-'));
  readonly #defects: Defects;
  readonly #switched: ReadonlyMap<string, string>;

  constructor(root: string, defects: Defects) {
    process.on('exit', () => rmSync(this.folder, { recursive: true, force: true }));
    cpSync(root, this.folder, { recursive: true,
      filter: (path) => !LEFT_OUT.includes(relative(root, path).split(sep)[0]) });
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    this.#defects = defects;
    this.#switched = new Map(
      [...defects.texts].filter(([file]) => file.endsWith('.ts')).map((
        [file, text],
      ) => [file, switched(file, text, (change) => defects.numberOf(file, change))]),
    );
    for (const [file, text] of this.#switched) writeFileSync(join(this.folder, file), text);
  }

  /** Runs tests without a defect. */
  run(test: TestFile, limitSeconds: number): Promise<Ending> {
    return runFile(this.folder, test, limitSeconds);
  }

  /** Runs tests with a defect. @param isWritten it stands in the text, in the place of all switches of its file */
  async show(mutant: Mutant, isWritten: boolean, test: TestFile, limitSeconds: number): Promise<Ending> {
    const { file } = mutant;
    if (!isWritten) {
      const number = this.#defects.numberOf(file, mutant);
      return this.run({ ...test, environment: { ...test.environment, FIRSTLIGHT_DEFECT: String(number) } },
        limitSeconds);
    }
    const text = this.#defects.textOf(file);
    writeFileSync(join(this.folder, file), mutated(text, mutant));
    try {
      return await this.run(test, limitSeconds);
    } finally {
      writeFileSync(join(this.folder, file), this.#switched.get(file) ?? text);
    }
  }
}
