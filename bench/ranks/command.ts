/**
 * What ranks cost, and what they bring: two of them on this machine, with an MPI that is there or is fetched.
 *
 *   npm run bench -- --ranks
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FirstlightError, formatBytes, open } from '../../engine/index.ts';
import { findMpi } from '../../engine/setup/mpi.mjs';
import { digits, duration, markdownTable, percent } from '../../train/log/table.ts';
import { resultsFolder, writeResults } from '../results.ts';
import { ranks } from './launch.ts';
import { hiddenOf, type RanksData } from './measured.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const [FAMILY, RANKS] = ['openmpi', 2] as const;
/** What is measured in one start, and with which environment. */
const STARTS: readonly (readonly [tasks: readonly string[], environment: Readonly<Record<string, string>>])[] = [
  [['exchanges', 'parts'], {}],
  [['speed', 'line'], { LP_NUM_THREADS: '1' }],
];
/** A sum beside the library's; seconds of what a step of tiny has beside computing; times one rank; share hidden. */
const GOALS = { ratio: 1.3, parts: 0.01, speed: 1.6, hidden: 0.5 };

const short = (seconds: number) => duration(seconds * 1e9);

/** Tables of what was measured, each with its goal. */
export function ranksText({ exchanges, parts, speed, line }: RanksData): string {
  const rows: string[][] = [];
  if (parts !== undefined) {
    const { bytes, readback, exchange, upload } = parts;
    rows.push([`readback, exchange and upload of ${formatBytes(bytes)}, tiny`,
      `${[readback, exchange, upload].map(short).join(' + ')} = ${short(readback + exchange + upload)}`,
      `under ${short(GOALS.parts)}`]);
  }
  if (speed !== undefined) {
    rows.push(['clips per second of 2 ranks of one core each, and of one',
      `${digits(speed.all)} and ${digits(speed.one)}, ${(speed.all / speed.one).toFixed(2)} ×`, `${GOALS.speed} ×`]);
  }
  if (line !== undefined) {
    rows.push([`a line that takes as long as the backward pass, ${short(line.backward)}`,
      `a step ${short(line.limited)} after ${short(line.free)}: ${percent(hiddenOf(line))} hidden`,
      percent(GOALS.hidden)]);
  }
  return [
    ...(exchanges === undefined ? [] : [
      markdownTable(['bytes', 'sum in the order of the tree', "MPI's own", `ratio, at most ${GOALS.ratio}`],
        exchanges.map((
          { bytes, tree, library },
        ) => [formatBytes(bytes), short(tree), short(library), digits(tree / library)])),
    ]),
    ...(rows.length === 0 ? [] : [markdownTable(['what', 'measured', 'goal'], rows)]),
  ].join('\n\n');
}

/** @param only one of exchanges, parts, speed, line; all if omitted */
export async function benchRanks(
  { only, json, command }: { readonly only?: string; readonly json?: string; readonly command: string },
): Promise<number> {
  const found = await findMpi(FAMILY, (line) => void process.stderr.write(`${line}\n`));
  let data: RanksData | undefined;
  for (const [all, environment] of STARTS) {
    const tasks = all.filter((task) => only === undefined || task === only);
    if (tasks.length === 0) continue;
    const { status, stdout, stderr } = ranks(found, FAMILY, RANKS, [...process.execArgv, CHILD, ...tasks], environment);
    if (status !== 0) throw new FirstlightError('FL_MPI', `the ranks ended with ${status}\n${stderr}`, { status });
    data = { ...data, ...(JSON.parse(stdout) as RanksData) };
  }
  if (data === undefined) throw new RangeError(`--case ${only}: exchanges, parts, speed or line`);
  await using gpu = await open();
  if (json !== undefined || only === undefined) {
    writeResults(json ?? join(resultsFolder(gpu), 'ranks.json'), 'ranks', gpu, command, data);
  }
  console.log(
    `${data.ranks} ranks of ${data.library} on ${gpu.name}; medians, of the slowest rank\n\n${ranksText(data)}`,
  );
  return 0;
}
