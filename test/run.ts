/**
 * Runs every test/*.test.ts, three at a time, and ends with one line of totals. Files share processes, but for the
 * longest: what these load is little beside their work.
 * Files named *.kernels.test.ts run a second time on SwiftShader, which differs from other adapters wherever WGSL
 * leaves room.
 *
 *   npm test                   all files
 *   npm test -- matmul tape    files whose names hold one of the words
 *   npm test -- --room softmax the sweep of a room and the files named after it; it shows a hash of the bits of each
 *   run
 *     [--case TEXT] [--variant NAME] [--dtype f32|f16]   narrow the sweep: each test of it that fails says the command
 *     that repeats it
 */
import { readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { type Environment, findAdapter } from '../engine/setup/choose.mjs';
import { isSwiftShader, nameOf } from '../engine/software.mjs';
import { type Job, Lane, type Result } from './lane.ts';
import { environmentOf, type Narrowing, parseNarrowing } from './narrow.ts';
import { keepSeconds } from './seconds.ts';

/** One more than the cores of a small machine: a file that waits, for a browser or a child, leaves none idle. */
const AT_ONCE = 3;
/** These start first, in this order, and then what runs a second time, so that no core is idle at the end. */
const LONGEST = ['rooms.kernels', 'site_study', 'attention.kernels', 'attention_matrix', 'matmul.kernels', 'commands',
  'resume', 'demo_smoke', 'site', 'site_faults', 'site_train', 'mpi_training', 'package', 'validations',
  'checkpoint_store', 'lint', 'moving_shapes', 'setup_run', 'verify', 'web_verdict', 'evaluation', 'browser', 'naga',
  'cli'];
/**
 * Not run on SwiftShader where all files are: its programs take minutes to compile there, and `site_study`, whose
 * Chromium has the same SwiftShader, checks all of its cases.
 */
const SWEPT_BY_PAGES = 'attention.kernels.test.ts';
/** Sweeps over the cases of rooms: the first over any room that is named, or else all but those of the others. */
const [SWEEP, ...SWEEPS] = ['rooms.kernels.test.ts', 'attention.kernels.test.ts', 'matmul.kernels.test.ts'];
const lanes = Array.from({ length: AT_ONCE }, () => new Lane());

/** Lines of the output that begin so, but for uvu's dots on the same line. */
function linesOf({ output }: Result, word: string): string[] {
  return [...stripVTControlCharacters(output).matchAll(new RegExp(`\\b${word}: .*$`, 'gm'))].map(([line]) => line);
}

function report(result: Result): void {
  const { label, passed, failed, skipped, seconds, output, reason } = result;
  const counts = [`${passed} passed`, ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ');
  console.log(
    `${failed === 0 ? 'ok  ' : 'FAIL'}  ${label.padEnd(44)}${counts.padEnd(24)}${seconds.toFixed(1).padStart(6)} s${
      reason === undefined ? '' : `  ${reason}`
    }`,
  );
  if (failed === 0) { for (const line of linesOf(result, 'skipped')) console.log(`      ${line}`); }
  if (failed > 0) console.log(`${output.trim().replace(/^/gm, '  | ')}\n`);
}

/** The environment in which Dawn takes SwiftShader; undefined where it is the adapter anyway, or cannot be had. */
async function secondAdapter(): Promise<Environment | undefined> {
  const first = await findAdapter();
  if (isSwiftShader(first.info)) return undefined;
  try {
    return (await findAdapter({ wanted: 'swiftshader' })).environment;
  } catch (error) {
    console.log(`kernels run on ${nameOf(first.info)} alone: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** The files to run: those that words name, or a room's. */
function filesOf({ room }: Narrowing, words: readonly string[]): string[] {
  const all = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'));
  if (room !== undefined) {
    return [SWEEP, ...all.filter((name) => new RegExp(`^${room}[._]`).test(name) && !SWEEPS.includes(name)).sort()];
  }
  const files = all.filter((name) => words.length === 0 || words.some((word) => name.includes(word))).sort();
  if (files.length === 0) throw new RangeError(`no test file matches ${words.join(', ')}; there are ${all.join(', ')}`);
  return files;
}

async function main(args: readonly string[]): Promise<number> {
  let files: readonly string[];
  let narrowing: Narrowing;
  try {
    // only then: rooms take a second to load
    const rooms = args.some((arg) => arg.startsWith('--')) ? (await import('../kernels/index.ts')).rooms : [];
    const parsed = parseNarrowing(args, rooms);
    narrowing = parsed.narrowing;
    files = filesOf(narrowing, parsed.words);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    return 1;
  }
  const isSweep = (name: string) => name.endsWith('.kernels.test.ts');
  const label = (name: string) => name.replace(/\.test\.ts$/, '');
  const second = files.some(isSweep) ? await secondAdapter() : undefined;
  const narrowed = environmentOf(narrowing);
  const long = LONGEST.map((name) => `${name}.test.ts`).filter((name) => files.includes(name));
  const short = files.filter((name) => !long.includes(name));
  const own = (file: string): Job => ({ file, label: label(file), environment: narrowed,
    isAlone: long.includes(file) });
  const onSecond = (file: string): Job => ({ file, label: `${label(file)} on SwiftShader`, isAlone: long.includes(file),
    environment: { ...narrowed, ...second, FIRSTLIGHT_ADAPTER: 'swiftshader', FIRSTLIGHT_PREPARED: 'swiftshader' } });
  const isOnSecond = (file: string) =>
    isSweep(file) && !(file === SWEPT_BY_PAGES && files.includes('site_study.test.ts'));
  const jobs = [...long.map(own), ...(second === undefined ? [] : [...long, ...short].filter(isOnSecond).map(onSecond)),
    ...short.map(own)];

  const results: Result[] = [];
  const enter = (result: Result) => {
    report(result);
    if (narrowing.room !== undefined) { for (const line of linesOf(result, 'bits')) console.log(`      ${line}`); }
    results.push(result);
  };
  await Promise.all(lanes.map((lane) => lane.run(() => jobs.shift(), enter)));

  if (narrowing.room === undefined) {
    keepSeconds(Object.fromEntries(results.map(({ label, seconds }) => [label, seconds])));
  }
  for (const result of results) for (const line of linesOf(result, 'coverage')) console.log(line);
  const sum = (key: 'passed' | 'failed' | 'skipped') => results.reduce((total, result) => total + result[key], 0);
  console.log(
    `${sum('passed')} passed, ${sum('failed')} failed${sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''}`,
  );
  return sum('failed') > 0 ? 1 : 0;
}

for (const [signal, exitCode] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.on(signal, () => {
    for (const lane of lanes) lane.kill(signal);
    process.exit(exitCode);
  });
}
process.exitCode = await main(process.argv.slice(2));
