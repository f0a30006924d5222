/** `npm run bench`: every room × case × usable variant. */
import { join } from 'node:path';
import { type FloatType, open } from '../../engine/index.ts';
import type { Results } from '../result_text.ts';
import { readResults, resultsFolder, writeResults } from '../results.ts';
import { DispatchClock } from '../clock.ts';
import { measureRoofs } from '../roofs/here.ts';
import { highest, RoofKernels, roofsText } from '../roofs/index.ts';
import { byBenny } from './benny.ts';
import { ATTEMPTS, compare, pooled, replaced } from './compare.ts';
import { type KernelData, KIND, REJECTED_FILE, RESULTS_FILE } from './data.ts';
import { entriesOf, type Filters } from './entries.ts';
import type { Entry } from './entry.ts';
import { excessive, refuseExcess } from './limit.ts';
import { measure, type Patience, PATIENCE } from './measure.ts';
import type { Row } from './row.ts';
import { writeReport } from './report_files.ts';
import { comparisonText, kernelTable } from './table.ts';

export interface KernelOptions extends Filters {
  /** How tensors are stored; several take turns. */
  readonly types: readonly FloatType[];
  /** Where to write the results; without filters they go to bench/results/ as well. */
  readonly json?: string;
  /** Results of an earlier run. */
  readonly compare?: string;
  /** As it was typed. */
  readonly command: string;
}

/** Nothing was left out that belongs into the published results; f16 may be in them. */
const isWhole = ({ room, case: name, variant, models, types }: KernelOptions) =>
  [room, name, variant].every((filter) => filter === undefined) && !models && types[0] === 'f32';

/** @returns the exit code: 1 if something became slower than in the run that it is compared with */
export async function benchKernels(options: KernelOptions): Promise<number> {
  const earlier = options.compare === undefined ? undefined : readResults<KernelData>(options.compare, KIND);
  await using gpu = await open();
  for (const type of options.types) gpu.requireType(type);
  const entries = entriesOf(gpu, options);
  const roofs = new RoofKernels(gpu, new DispatchClock(gpu));
  let highestRoofs = await measureRoofs(gpu);
  console.log(`${gpu.name}\nroofs, measured here: ${roofsText(highestRoofs)}\n`);

  let rows: Row[] = [];
  for (const [i, entry] of entries.entries()) {
    progress(`${i + 1} of ${entries.length}: ${entry.room.name}, ${entry.name}`);
    rows.push(...(await measure(gpu, entry, roofs, options.types, patienceOf(entry), { repeat: byBenny })));
    if (entries[i + 1]?.room === entry.room) continue;
    progress('');
    console.log(`${entry.room.name}\n\n${kernelTable(rows.filter(({ room }) => room === entry.room.name))}\n`);
  }
  highestRoofs = highest(highestRoofs, await measureRoofs(gpu));
  const copies = () => ({ fastest: Math.max(highestRoofs.gbps, ...rows.map((row) => row.roofs.gbps)),
    bytes: roofs.copiedBytes });
  await remeasure('faster than can be', () => excessive(rows, copies()), patienceOf, replaced);
  const exitCode = earlier === undefined ? 0 : await judge(earlier);
  const most = copies();
  roofs.dispose();
  const data: KernelData = { roofs: highestRoofs, clock: roofs.clock.name, rows };
  if (options.json !== undefined) {
    writeResults(options.json, KIND, gpu, options.command, data);
    console.log(`wrote ${options.json}`);
  }
  try {
    refuseExcess(rows, most);
  } catch (error) {
    // an hour of measuring is not thrown away with one row
    if (isWhole(options)) console.log(`wrote ${keep(REJECTED_FILE, data).path}, and published nothing`);
    throw error;
  }
  if (isWhole(options)) publish(data);
  return exitCode;

  /** Measures the cases of suspect rows again, as long as there are any: luck and noise pass, what is so stays. */
  async function remeasure(reason: string, suspects: () => readonly Row[], patience: (entry: Entry) => Patience,
    merge: typeof pooled): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const cases = new Set(suspects().map((row) => `${row.room} ${row.case}`));
      if (cases.size === 0) break;
      for (const entry of entries.filter(({ room, name }) => cases.has(`${room.name} ${name}`))) {
        progress(`${entry.room.name}, ${entry.name}: ${reason}; attempt ${attempt} of ${ATTEMPTS}`);
        rows = merge(rows, await measure(gpu, entry, roofs, options.types, patience(entry), { repeat: byBenny }));
      }
      progress('');
    }
  }

  async function judge(before: Results<KernelData>): Promise<number> {
    await remeasure('slower than before', () => compare(before.rows, rows).slower.map(({ row }) => row),
      () => PATIENCE.again, pooled);
    const comparison = compare(before.rows, rows);
    console.log(
      `${options.compare}: ${before.date}, commit ${before.commit}, ${before.environment.adapter}; roofs then: ${
        roofsText(before.roofs)
      }`,
    );
    const then = before.clock ?? roofs.clock.name;
    if (then !== roofs.clock.name) {
      console.log(`timed then by ${then}, now by ${roofs.clock.name}: short rows may differ by that alone`);
    }
    console.log(`${comparisonText(comparison, options.compare as string)}\n`);
    return comparison.slower.length > 0 ? 1 : 0;
  }

  function keep(name: string, data: KernelData): { folder: string; path: string; results: Results<KernelData> } {
    const folder = resultsFolder(gpu);
    const path = join(folder, name);
    return { folder, path, results: writeResults(path, KIND, gpu, options.command, data) };
  }

  function publish(data: KernelData): void {
    const { folder, results } = keep(RESULTS_FILE, data);
    console.log(`wrote ${folder}: ${[RESULTS_FILE, ...writeReport(folder, results)].join(', ')}`);
  }
}

const patienceOf = ({ isWorkload }: Entry): Patience => (isWorkload ? PATIENCE.workload : PATIENCE.awkward);

/** What is going on, on a line that the next one replaces; a line each where nobody looks. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
