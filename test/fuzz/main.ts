/**
 * Reads files that nobody wrote, by every reader of files from outside: each is taken, or refused by an error of ours,
 * soon and in little memory.
 *
 *   npm run fuzz -- --minutes 60 --seed 7 safetensors png      words name readers; all if there are none
 *
 * Inputs follow from the seed, the reader and their number. One that fails is saved; copied to
 * `test/fixtures/fuzz/READER/`, it is read by `npm test` from then on.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { emptyTally, type Failure, inputOf, type Tally } from './campaign.ts';
import type { Order, Told } from './child.ts';
import type { Reader } from './reader.ts';
import { READERS } from './readers/index.ts';
import { tableOf } from './table.ts';

const { values: options, positionals: words } = parseArgs({ allowPositionals: true, options: {
  seed: { type: 'string', default: '1' },
  minutes: { type: 'string', default: '10' },
  folder: { type: 'string', default: 'runs/fuzz' },
} });

/** An input that takes longer never ends. */
const PATIENCE_MS = 60_000;
/** Letters of a line of what went wrong: it may quote the input. */
const LINE = 200;
const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

/** How the process of a child ended, and the last that it told. */
interface End {
  readonly input: number;
  readonly tally: Tally;
  /** Undefined: as it should. */
  readonly how?: string;
}

/** The process that reads. It takes its time to load; one that was ended is replaced. */
let reading: Promise<ChildProcess> | undefined;

function startChild(): Promise<ChildProcess> {
  const child = fork(CHILD, { execArgv: ['--import', import.meta.resolve('tsx')],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.on('close', () => (reading = undefined));
  return new Promise((ready, fail) => {
    child.once('error', fail);
    child.once('message', () => ready(child));
  });
}

/** Lets a child read, until its time is over, it ends, or it tells nothing for too long. */
async function run(order: Order, onTold: (tally: Tally) => void): Promise<End> {
  const child = await (reading ??= startChild());
  let last: End = { input: order.first, tally: emptyTally({ name: order.reader, reasons: [] }) };
  let how: string | undefined;
  let watch: NodeJS.Timeout | undefined;
  const wait = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      how = `does not end within ${PATIENCE_MS / 1000} s`;
      child.kill('SIGKILL');
    }, PATIENCE_MS);
  };
  return new Promise((resolve) => {
    const done = (end: End) => {
      clearTimeout(watch);
      child.off('message', onMessage).off('close', onClose);
      resolve(end);
    };
    const onMessage = (told: Told) => {
      last = { input: told.input ?? last.input, tally: told.tally };
      onTold(told.tally);
      if (told.input === undefined) done(last);
      else wait();
    };
    const onClose = (code: number | null, signal: string | null) =>
      done({ ...last, how: how ?? `ended with ${signal ?? `status ${code}`}` });
    child.on('message', onMessage).on('close', onClose);
    wait();
    child.send(order);
  });
}

/** Adds what a child saw to what others did. */
function add(sum: Tally, more: Tally): void {
  sum.inputs += more.inputs;
  sum.taken += more.taken;
  sum.other += more.other;
  sum.seconds += more.seconds;
  sum.bytes = Math.max(sum.bytes, more.bytes);
  if (more.slowest.ms > sum.slowest.ms) sum.slowest = more.slowest;
  for (const [reason, count] of Object.entries(more.reasons)) sum.reasons[reason] = (sum.reasons[reason] ?? 0) + count;
  sum.failures.push(...more.failures);
}

/** What was tried of a reader, and the input that comes next. */
interface Course {
  readonly reader: Reader;
  readonly sum: Tally;
  next: number;
}

/** Reads inputs of a reader for some time, with as many processes as it ends. */
async function goOn(course: Course, seed: number, ms: number, isEnoughOften: boolean): Promise<void> {
  const { reader, sum } = course;
  const until = performance.now() + ms;
  const onTold = (tally: Tally) => showProgress(reader, sum.inputs + tally.inputs);
  while (performance.now() < until && sum.failures.length < 10) {
    const order = { reader: reader.name, seed, first: course.next, ms: until - performance.now(),
      most: Number.MAX_SAFE_INTEGER, isEnoughOften, isCareful: false };
    const end = await run(order, onTold);
    add(sum, end.tally);
    course.next += end.tally.inputs;
    if (end.how === undefined) break;
    // which input it was is told by one that tells of each
    const again = await run({ ...order, first: course.next, ms: PATIENCE_MS, most: 100_000, isCareful: true }, onTold);
    if (again.how !== undefined) {
      sum.failures.push({ reader: reader.name, input: again.input, kind: 'ended the process', what: again.how });
    }
    course.next = again.input + 1;
  }
}

const isTerminal = process.stderr.isTTY;

function showProgress({ name }: Reader, inputs: number): void {
  if (isTerminal) process.stderr.write(`\r${name.padEnd(18)}${inputs.toLocaleString('en-US').padStart(11)}\u001b[K`);
}

/** Saves an input that fails, and says where. */
function save({ reader: name, input, kind, what }: Failure, seed: number): string {
  const reader = READERS.find((each) => each.name === name) as Reader;
  const folder = resolve(options.folder, name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${seed}-${input}`);
  writeFileSync(path, inputOf(reader, seed, input));
  const lines = what.split('\n').map((line) => line.slice(0, LINE));
  return `${name}: ${kind}: ${lines.join('\n')}\n  ${relative('.', path)}`;
}

async function main(): Promise<number> {
  const unknown = words.find((word) => !READERS.some(({ name }) => name === word));
  if (unknown !== undefined) {
    console.error(`there is no reader "${unknown}"; there are ${READERS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const [seed, minutes] = [options.seed, options.minutes].map(Number);
  const readers = READERS.filter(({ name }) => words.length === 0 || words.includes(name));
  console.log(`${readers.length} readers, seed ${seed}, ${minutes} minutes`);
  const courses = readers.map((reader): Course => ({ reader, sum: emptyTally(reader), next: 0 }));
  const until = performance.now() + minutes * 60_000;
  // at first each until all of its reasons were seen often, then all of them alike
  for (const isEnoughOften of [true, false]) {
    for (const [i, course] of courses.entries()) {
      await goOn(course, seed, (until - performance.now()) / (courses.length - i), isEnoughOften);
      const { reader: { name }, sum: { inputs, failures } } = course;
      if (!isTerminal) console.log(`${name}: ${inputs.toLocaleString('en-US')} inputs, ${failures.length} failures`);
    }
  }
  (await reading)?.kill();
  if (isTerminal) process.stderr.write('\r\u001b[K');
  const tallies = courses.map(({ sum }) => sum);
  const failures = tallies.flatMap((tally) => tally.failures);
  console.log(
    [...tableOf(tallies), ...(failures.length > 0 ? [''] : []), ...failures.map((failure) => save(failure, seed))].join(
      '\n',
    ),
  );
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main();
