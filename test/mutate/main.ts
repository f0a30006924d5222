/**
 * Makes defects in a copy of the project, one at a time, and runs the tests that import the place: what no test notices
 * is a test that is missing.
 *
 *   npm run mutate -- --minutes 60 --seed 7 engine model        words name files or folders; all if there are none
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawn, isEqual, type Outcome, runCampaign, tableOf } from './campaign.ts';
import { FOLDERS, importersOf, type TestFile, testsOf } from './places.ts';
import { linesOf, type Mutant, mutantsOf, mutated } from './rules.ts';
import { textsOf } from './texts.ts';

const { values: options, positionals: words } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '30' },
  /** Files of tests that a defect is shown to at most. */
  tests: { type: 'string', default: '6' },
} });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What takes longer has found an endless loop. */
const LIMIT_SECONDS = 300;
/** Neither is part of the sources. */
const LEFT_OUT = ['node_modules', '.git', '.cache', 'runs', 'dist', 'site'];

/** A copy of the project, which may be broken. */
function copied(): string {
  const copy = mkdtempSync(join(tmpdir(), 'firstlight-mutate-'));
  cpSync(ROOT, copy, { recursive: true, filter: (path) => !LEFT_OUT.includes(relative(ROOT, path).split(sep)[0]) });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function run(copy: string, { file, environment }: TestFile): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(copy, file)], { cwd: copy,
    env: { ...process.env, ...environment }, stdio: 'ignore', timeout: LIMIT_SECONDS * 1000, killSignal: 'SIGKILL' });
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve(code === 0)));
}

async function main(): Promise<number> {
  const [seed, minutes, most] = [options.seed, options.minutes, options.tests].map(Number);
  const texts = textsOf(ROOT, FOLDERS);
  const named = (file: string) =>
    words.length === 0 || words.some((word) => file === word || file.startsWith(`${word}/`));
  const all = [...texts].filter(([file]) => named(file)).flatMap(([file, text]) =>
    mutantsOf(file, text).filter((mutant) => !isEqual(text, mutant))
  );
  const importers = importersOf(ROOT);
  const copy = copied();
  /** Whether tests pass without a defect: others tell nothing. */
  const sound = new Map<string, boolean>();
  const isSound = async (test: TestFile) => {
    const key = `${test.file} ${JSON.stringify(test.environment)}`;
    if (!sound.has(key)) sound.set(key, await run(copy, test));
    if (sound.get(key) !== true) console.log(`left out    ${key}: fails without a defect`);
    return sound.get(key) === true;
  };
  const until = performance.now() + minutes * 60_000;
  console.log(`${all.length} defects, in the order of seed ${seed}, for ${minutes} minutes`);
  const told = ({ mutant: { file, line, rule }, caughtBy }: Outcome) =>
    `${caughtBy === undefined ? 'SURVIVED' : 'caught  '}  ${file}:${line}  ${rule}${
      caughtBy === undefined ? '' : `  by ${caughtBy}`
    }`;
  try {
    const outcomes = await runCampaign({
      mutants: drawn(all, seed),
      testsOf: (file) => testsOf(file, importers, most),
      passes: async (mutant, test) => {
        if (!(await isSound(test))) return true;
        const path = join(copy, mutant.file);
        const text = texts.get(mutant.file) as string;
        writeFileSync(path, mutated(text, mutant));
        try {
          return await run(copy, test);
        } finally {
          writeFileSync(path, text);
        }
      },
      goesOn: () => performance.now() < until,
      onOutcome: (outcome) => console.log(told(outcome)),
    });
    const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined).map(({ mutant }) => mutant);
    console.log(['', ...tableOf(outcomes), ...survivors.flatMap((mutant) => describe(mutant, texts))].join('\n'));
    return survivors.length === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function describe(mutant: Mutant, texts: ReadonlyMap<string, string>): string[] {
  const [before, after] = linesOf(texts.get(mutant.file) ?? readFileSync(join(ROOT, mutant.file), 'utf8'), mutant);
  return ['', `${mutant.file}:${mutant.line}  ${mutant.rule}`, `  - ${before}`, `  + ${after}`];
}

process.exit(await main());
