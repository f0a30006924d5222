/**
 * Makes defects in copies of the project, one at a time, and runs the tests that come by the place: what no test
 * notices is a test that is missing.
 *
 *   npm run mutate -- --minutes 60 --seed 7 engine model        words name files or folders; all if there are none
 *   npm run mutate -- --survey --minutes 60 --seed 7            shown to the tests that run the place
 */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawn, isEqual, type Outcome, runCampaign, tableOf } from './campaign.ts';
import { Copy } from './copy.ts';
import { Defects } from './defects.ts';
import { allTests, importersOf, type TestFile, testsOf } from './places.ts';
import { keptSeconds } from '../seconds.ts';
import { linesOf, type Mutant } from './rules.ts';
import { byTurns, Surveys } from './surveys.ts';

const { values: options, positionals: words } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '30' },
  /** A piece of what the seed draws: from which defect on, and how many. */
  from: { type: 'string', default: '0' },
  count: { type: 'string', default: 'Infinity' },
  /** Files of tests that a defect is shown to at most. */
  tests: { type: 'string', default: '10' },
  /** First finds out which defects each test comes by, where that is not known; it takes as long as `npm test`. */
  survey: { type: 'boolean', default: false },
  /** How many defects are tried at the same time. */
  lanes: { type: 'string', default: String(availableParallelism()) },
} });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/**
 * A test that takes so many times as long as it took, and this at least, has found an endless loop: if it is far
 * quicker without the defect, for a busy machine is none.
 */
const [LATE_TIMES, LATE_SECONDS] = [8, 60];

async function main(): Promise<number> {
  const [seed, minutes, from, count, most, lanes] = [options.seed, options.minutes, options.from, options.count,
    options.tests, options.lanes].map(Number);
  const defects = new Defects(ROOT);
  const named = ({ file }: Mutant) =>
    words.length === 0 || words.some((word) => file === word || file.startsWith(`${word}/`));
  const all = defects.all.filter((mutant) => named(mutant) && !isEqual(defects.textOf(mutant.file), mutant));
  const importers = importersOf(ROOT);
  const seconds = keptSeconds();
  const surveys = new Surveys(ROOT, defects);
  const copies = Array.from({ length: lanes }, () => new Copy(ROOT, defects));
  // so that what happens at the end of the process does
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    process.on(signal, () => process.exit(code));
  }
  if (options.survey) await survey(surveys, copies, allTests(ROOT));
  console.log(`${all.length} defects, in the order of seed ${seed}, for ${minutes} minutes`);

  const sound = new Map<string, boolean>();
  /** Whether tests that noticed a defect pass without. */
  async function passesWithout(copy: Copy, test: TestFile, limit: number): Promise<boolean> {
    const key = `${JSON.stringify(test)} ${limit}`;
    const passes = sound.get(key) ?? (await copy.run(test, limit)) === 'passed';
    sound.set(key, passes);
    if (!passes) console.log(`left out    ${test.file}: fails without a defect`);
    return passes;
  }

  async function show(mutant: Mutant, copy: Copy): Promise<Omit<Outcome, 'mutant'>> {
    const near = testsOf(mutant.file, importers, Number.POSITIVE_INFINITY, seconds);
    const isMet = mutant.file.endsWith('.ts') && near.some((test) => surveys.meets(test, mutant) === true);
    const chosen = byTurns(near.flatMap((test) => surveys.choose(test, mutant, isMet) ?? [])).slice(0, most);
    for (const [i, { test, seconds: known }] of chosen.entries()) {
      const usual = known ?? seconds[basename(test.file, '.test.ts')] ?? 0;
      const limit = Math.max(LATE_SECONDS, LATE_TIMES * usual);
      const ending = await copy.show(mutant, !isMet, test, limit);
      if (ending === 'passed' || !await passesWithout(copy, test, ending === 'late' ? limit / 4 : limit)) continue;
      return { caughtBy: test.file, shownTo: i + 1 };
    }
    return { caughtBy: undefined, shownTo: chosen.length };
  }

  const until = performance.now() + minutes * 60_000;
  const outcomes = await runCampaign({ mutants: drawn(all, seed).slice(from, from + count), lanes: copies, show,
    goesOn: () => performance.now() < until, onOutcome: (outcome) => console.log(told(outcome)) });
  const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined).map(({ mutant }) => mutant);
  console.log(
    ['', ...tableOf(outcomes), ...survivors.flatMap((mutant) => describe(mutant, defects.textOf(mutant.file)))].join(
      '\n',
    ),
  );
  return survivors.length === 0 ? 0 : 1;
}

/** Runs every file of tests once, as far as nobody has since it changed. */
async function survey(surveys: Surveys, copies: readonly Copy[], tests: readonly TestFile[]): Promise<void> {
  const left = tests.entries();
  await Promise.all(copies.map(async (copy) => {
    for (const [i, test] of left) {
      const name = [basename(test.file, '.test.ts'), ...Object.values(test.environment)].join(' ');
      if (process.stderr.isTTY) process.stderr.write(`\r${i} of ${tests.length}: ${name}\u001b[K`);
      const failed = (await surveys.make(copy, test)).tests.filter(({ passed }) => !passed).length;
      if (failed > 0) console.log(`${name}: ${failed} tests fail without a defect`);
    }
  }));
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

function told({ mutant: { file, line, rule }, caughtBy, shownTo }: Outcome): string {
  return `${caughtBy === undefined ? 'SURVIVED' : 'caught  '}  ${file}:${line}  ${rule}${
    caughtBy === undefined ? `  shown to ${shownTo}` : `  by ${caughtBy}`
  }`;
}

function describe(mutant: Mutant, text: string): string[] {
  const [before, after] = linesOf(text, mutant);
  return ['', `${mutant.file}:${mutant.line}  ${mutant.rule}`, `  - ${before}`, `  + ${after}`];
}

process.exit(await main());
