/**
 * What each test of a file does without a defect: whether it passes, how long it takes, and which defects it comes by.
 * Kept in `.cache/mutate` for as long as nothing changes that the file imports.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reachedFrom } from '../../bench/imports/graph.ts';
import type { Copy } from './copy.ts';
import type { Defects } from './defects.ts';
import { importedFrom, type TestFile } from './places.ts';
import type { Noted } from './preload.ts';
import type { Mutant } from './rules.ts';

/** Longer than any file of tests takes. */
const MOST_SECONDS = 900;
/** Of the tests that come by a defect the quickest are shown it, until they take so many seconds together. */
const SHOWN_SECONDS = 30;
/** What decides, besides a file and its imports, what is kept of it. */
const OWN = ['rules.ts', 'switches.ts', 'preload.ts'];

/** Defects of each file by their places among its own, from 0. */
type Met = Readonly<Record<string, readonly number[]>>;

interface Surveyed {
  /** From 0, within its file. */
  readonly number: number;
  readonly passed: boolean;
  readonly seconds: number;
  readonly met: Met;
}

/** Of one file of tests. */
export interface Survey {
  /** What the file itself comes by before its first test: then any of them may tell. */
  readonly load: Met;
  readonly tests: readonly Surveyed[];
}

/** Tests of a file that are shown a defect, and how long they took without, if that is known. */
export interface Chosen {
  readonly test: TestFile;
  readonly seconds: number | undefined;
  /** How many defects the one of them comes by that comes by fewest: it is the most about this one. */
  readonly comesBy: number;
}

/** The nearest first, in turn with those whose tests come by the fewest other defects. @param near in their order */
export function byTurns(near: readonly Chosen[]): Chosen[] {
  const narrow = [...near].sort((a, b) => a.comesBy - b.comesBy);
  return [...new Set(near.flatMap((each, i) => [each, narrow[i]]))];
}

export class Surveys {
  readonly #root: string;
  readonly #folder: string;
  readonly #defects: Defects;
  readonly #imported;
  readonly #known = new Map<string, Survey>();
  readonly #paths = new Map<string, string>();

  constructor(root: string, defects: Defects) {
    this.#root = root;
    this.#folder = join(root, '.cache/mutate');
    this.#defects = defects;
    this.#imported = importedFrom(root);
  }

  /** Of a file of tests, if it is known. */
  of(test: TestFile): Survey | undefined {
    const path = this.#pathOf(test);
    let known = this.#known.get(path);
    if (known === undefined && existsSync(path)) {
      known = JSON.parse(readFileSync(path, 'utf8')) as Survey;
      this.#known.set(path, known);
    }
    return known;
  }

  /** Runs a file of tests, unless it is known. */
  async make(copy: Copy, test: TestFile): Promise<Survey> {
    const kept = this.of(test);
    if (kept !== undefined) return kept;
    const folder = mkdtempSync(join(tmpdir(), 'firstlight-survey-'));
    try {
      const path = join(folder, 'met');
      await copy.run({ ...test, environment: { ...test.environment, FIRSTLIGHT_MET: path } }, MOST_SECONDS);
      const survey = this.#read(existsSync(path) ? readFileSync(path, 'utf8') : '');
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(this.#pathOf(test), JSON.stringify(survey));
      return survey;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Whether a test of a file comes by a defect; undefined: it is not known. */
  meets(test: TestFile, mutant: Mutant): boolean | undefined {
    const survey = this.of(test);
    return survey && [survey.load, ...survey.tests.map(({ met }) => met)].some((met) => this.#has(met, mutant));
  }

  /**
   * The tests of a file to be shown a defect: of those that pass without, the ones that come by it; all of a file that
   * is not known. undefined: none.
   *
   * @param isMet others do not count; else all that pass are chosen
   */
  choose(test: TestFile, mutant: Mutant, isMet: boolean): Chosen | undefined {
    const survey = this.of(test);
    if (survey === undefined) return { test, seconds: undefined, comesBy: Number.POSITIVE_INFINITY };
    const all = !isMet || this.#has(survey.load, mutant);
    const tests = survey.tests.filter(({ passed, met }) => passed && (all || this.#has(met, mutant)))
      .sort((a, b) => a.seconds - b.seconds);
    if (tests.length === 0) return undefined;
    const numbers: number[] = [];
    let sum = 0;
    for (const { number, seconds } of tests) {
      if (isMet && numbers.length > 0 && sum + seconds > SHOWN_SECONDS) break;
      numbers.push(number);
      sum += seconds;
    }
    const FIRSTLIGHT_ONLY = numbers.sort((a, b) => a - b).join();
    const comesBy = Math.min(...tests.map(({ met }) => Object.values(met).reduce((n, { length }) => n + length, 0)));
    return { test: { ...test, environment: { ...test.environment, FIRSTLIGHT_ONLY } }, seconds: sum, comesBy };
  }

  #has(met: Met, mutant: Mutant): boolean {
    const place = this.#defects.numberOf(mutant.file, mutant) - this.#defects.firstOf(mutant.file);
    return met[mutant.file]?.includes(place) ?? false;
  }

  #read(lines: string): Survey {
    const load = new Set<number>();
    const tests: Surveyed[] = [];
    let children: number[] = [];
    for (const line of lines.split('\n').filter((each) => each !== '')) {
      const noted = JSON.parse(line) as Noted | number[];
      if (Array.isArray(noted)) {
        children.push(...noted);
        continue;
      }
      const { number, passed = false, seconds = 0, met } = noted;
      const all = new Set([...met, ...children]);
      children = [];
      if (number === undefined) all.forEach((each) => load.add(each));
      else tests.push({ number, passed, seconds, met: this.#byFile(all) });
    }
    return { load: this.#byFile(load), tests };
  }

  #byFile(numbers: Iterable<number>): Met {
    const met: Record<string, number[]> = {};
    for (const number of [...numbers].sort((a, b) => a - b)) {
      const { file } = this.#defects.all[number];
      (met[file] ??= []).push(number - this.#defects.firstOf(file));
    }
    return met;
  }

  #pathOf(test: TestFile): string {
    const key = JSON.stringify(test);
    const path = this.#paths.get(key) ?? join(this.#folder, `${this.#stateOf(test)}.json`);
    this.#paths.set(key, path);
    return path;
  }

  /** Changes with all that a test imports. */
  #stateOf(test: TestFile): string {
    const hash = createHash('sha256').update(JSON.stringify(test));
    const imports = [test.file, ...[...reachedFrom(this.#imported, test.file)].sort()];
    for (const file of [...OWN.map((name) => `test/mutate/${name}`), ...imports]) {
      const path = join(this.#root, file);
      if (existsSync(path)) hash.update(readFileSync(path)); // some are names in texts alone
    }
    return hash.digest('hex').slice(0, 24);
  }
}
