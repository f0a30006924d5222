import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import type { TestFile } from './places.ts';
import { type Mutant, mutated } from './rules.ts';
import { type Ending, runFile } from './run_file.ts';

/** None is part of the sources. */
const LEFT_OUT = ['node_modules', '.git', '.cache', 'runs', 'dist', 'site'];

/** A copy of the project, whole but for one defect at a time. It goes with the process. */
export class Copy {
  readonly folder = mkdtempSync(join(tmpdir(), 'firstlight-mutate-'));

  constructor(root: string) {
    process.on('exit', () => rmSync(this.folder, { recursive: true, force: true }));
    cpSync(root, this.folder, { recursive: true,
      filter: (path) => !LEFT_OUT.includes(relative(root, path).split(sep)[0]) });
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Runs tests with a defect. @param text of its file */
  async show(mutant: Mutant, text: string, test: TestFile, limitSeconds: number): Promise<Ending> {
    const path = join(this.folder, mutant.file);
    writeFileSync(path, mutated(text, mutant));
    try {
      return await runFile(this.folder, test, limitSeconds);
    } finally {
      writeFileSync(path, text);
    }
  }
}
