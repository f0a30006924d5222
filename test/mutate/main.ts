/**
 * Makes defects in a copy of the project, one at a time, and runs the tests that import the place: what no test notices
 * is a test that is missing.
 *
 *   npm run mutate -- --minutes 60 --seed 7 engine model        words name files or folders; all if there are none
 *   npm run mutate -- --lines --minutes 60 --seed 7             shown to the tests that run the line, first
 */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Baselines } from './baseline.ts';
import { drawn, isEqual, type Outcome, runCampaign, tableOf } from './campaign.ts';
import { Copy } from './copy.ts';
import { FOLDERS, importersOf, testsOf } from './places.ts';
import { keptSeconds } from '../seconds.ts';
import { linesOf, type Mutant, mutantsOf } from './rules.ts';
import { runFile } from './run_file.ts';
import { textsOf } from './texts.ts';

const { values: options, positionals: words } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '30' },
  /** A piece of what the seed draws: from which defect on, and how many. */
  from: { type: 'string', default: '0' },
  count: { type: 'string', default: 'Infinity' },
  /** Files of tests that a defect is shown to at most. */
  tests: { type: 'string', default: '10' },
  /** First finds out which lines each file of tests runs, where that is not known; it takes as long as `npm test`. */
  lines: { type: 'boolean', default: false },
} });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/**
 * A test that takes so many times as long as it took, and this at least, has found an endless loop: if it is far
 * quicker without the defect, for a busy machine is none.
 */
const [LATE_TIMES, LATE_SECONDS] = [8, 60];

async function main(): Promise<number> {
  const [seed, minutes, from, count, most] = [options.seed, options.minutes, options.from, options.count, options.tests]
    .map(Number);
  const texts = textsOf(ROOT, FOLDERS);
  const named = (file: string) =>
    words.length === 0 || words.some((word) => file === word || file.startsWith(`${word}/`));
  const all = [...texts].filter(([file]) => named(file)).flatMap(([file, text]) =>
    mutantsOf(file, text).filter((mutant) => !isEqual(text, mutant))
  );
  const importers = importersOf(ROOT);
  const seconds = keptSeconds();
  const copy = new Copy(ROOT);
  const unsound = new Set<string>();
  const baselines = new Baselines(ROOT, copy);
  if (options.lines) await survey(baselines);
  console.log(`${all.length} defects, in the order of seed ${seed}, for ${minutes} minutes`);
  const told = ({ mutant: { file, line, rule }, caughtBy, shownTo }: Outcome) =>
    `${caughtBy === undefined ? 'SURVIVED' : 'caught  '}  ${file}:${line}  ${rule}${
      caughtBy === undefined ? `  shown to ${shownTo}` : `  by ${caughtBy}`
    }`;
  // so that what happens at the end of the process does
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    process.on(signal, () => process.exit(code));
  }
  const until = performance.now() + minutes * 60_000;
  const outcomes = await runCampaign({
    mutants: drawn(all, seed).slice(from, from + count),
    testsOf: ({ file, line }) => {
      const near = testsOf(file, importers, Number.POSITIVE_INFINITY, seconds).filter((test) =>
        !unsound.has(test.file)
      );
      // a sweep of the file's own room runs it, if anything does
      const runs = near.map((test) => test.environment.ROOM !== undefined || baselines.runs(test, file, line));
      return [true, undefined].flatMap((known) => near.filter((_, i) => runs[i] === known)).slice(0, most);
    },
    passes: async (mutant, test) => {
      const limit = Math.max(LATE_SECONDS, LATE_TIMES * (seconds[basename(test.file, '.test.ts')] ?? 0));
      const ending = await copy.show(mutant, texts.get(mutant.file) as string, test, limit);
      if (ending === 'passed') return true;
      if (ending === 'late') return (await runFile(copy.folder, test, limit / 4)) === 'late';
      if (await baselines.passes(test)) return false;
      unsound.add(test.file);
      console.log(`left out    ${test.file}: fails without a defect`);
      return true;
    },
    goesOn: () => performance.now() < until,
    onOutcome: (outcome) => console.log(told(outcome)),
  });
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined).map(({ mutant }) => mutant);
  console.log(['', ...tableOf(outcomes), ...survivors.flatMap((mutant) => describe(mutant, texts))].join('\n'));
  return survivors.length === 0 ? 0 : 1;
}

/** Runs every file of tests once, as far as nobody has since it changed. */
async function survey(baselines: Baselines): Promise<void> {
  const files = readdirSync(join(ROOT, 'test')).filter((name) => name.endsWith('.test.ts'));
  for (const [i, name] of files.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\r${i} of ${files.length}: ${name}\u001b[K`);
    const { ending } = await baselines.run({ file: `test/${name}`, environment: {} });
    if (ending !== 'passed') console.log(`${name} ${ending} without a defect`);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

function describe(mutant: Mutant, texts: ReadonlyMap<string, string>): string[] {
  const [before, after] = linesOf(texts.get(mutant.file) as string, mutant);
  return ['', `${mutant.file}:${mutant.line}  ${mutant.rule}`, `  - ${before}`, `  + ${after}`];
}

process.exit(await main());
