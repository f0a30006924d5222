/** `firstlight table moving-shapes`: systems trained alike, over several seeds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Gpu, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { duration, roughly } from '../log/progress.ts';
import { LOG_FILE } from '../log/recorder.ts';
import { readRunLog, seriesOf } from '../log/run_log.ts';
import { comparisonFlops, type ComparisonPlan, compareWithSeed } from '../moving_shapes/comparison.ts';
import { type FoundOrder, foundIn, headlinesOf, ordersTable, summariesOf, systemsTable, type SystemSummary,
  tableText } from '../moving_shapes/comparison_report.ts';
import type { Comparison } from '../moving_shapes/comparisons.ts';
import { secondsOf, isTooSlow } from '../moving_shapes/expectation.ts';
import type { ComparedSystem } from '../moving_shapes/systems.ts';
import type { ReportData, ReportTable, Stage } from '../report/data.ts';
import { writeReport } from '../report/write.ts';
import { environmentOf } from '../run/machine.ts';
import { CONFIG_FILE } from '../run/resuming.ts';
import { StopRequest } from '../run/stop.ts';

export interface TableMovingShapesOptions {
  readonly comparison: Comparison;
  /** The first of the seeds, which follow one another. */
  readonly seed: number;
  readonly seeds: number;
  /** Where everything is left, and found again by the same command. */
  readonly out: string;
  /** A short form that learns little. */
  readonly smoke: boolean;
  /** Train in full on an adapter that takes hours. */
  readonly patient: boolean;
  readonly json: boolean;
}

/** Trains what is not trained yet, prints the tables and writes the report. Returns the exit status. */
export async function tableMovingShapes(
  { comparison, seed, seeds, out, smoke, patient, json }: TableMovingShapesOptions,
): Promise<number> {
  using stop = new StopRequest();
  await using gpu = await open({ tuning: tuned, warms: true });
  const { command, systems, orders } = comparison;
  const plan = smoke ? comparison.smoke : comparison.plan;
  const expected = await secondsOf(gpu, await comparisonFlops(gpu, plan, systems));
  if (isTooSlow(expected, patient)) {
    console.log(`On ${gpu.name} each seed would take ${roughly(expected)}.
  a small form, which learns little:  npx firstlight ${command} --smoke
  all of it nevertheless:             npx firstlight ${command} --patient`);
    return 1;
  }
  if (!json) console.log(beginText(systems.length, seeds, expected));
  const results = new Map<number, Awaited<ReturnType<typeof compareWithSeed>>>();
  for (let own = seed; own < seed + seeds; own++) {
    results.set(own, await compareWithSeed({ gpu, seed: own, folder: folderOf(out, own), plan, systems, stop }));
  }
  const summaries = summariesOf(systems, results);
  const found = foundIn(orders, results);
  const data = reportOf(gpu, { comparison, plan, out, seed, seeds, summaries, found });
  const report = await writeReport(out, data, { plan, systems: summaries, orders: found,
    seeds: Object.fromEntries([...results].map(([own, ofSeed]) => [own, Object.fromEntries(ofSeed)])) });
  if (json) {
    console.log(JSON.stringify({ systems: summaries, orders: found }, null, 2));
    return 0;
  }
  console.log(endText(data.tables ?? [], summaries, report, smoke));
  return 0;
}

const ofSeeds = (seeds: number) => `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`;

/** What a person reads before anything is trained. @param seconds of a seed */
export const beginText = (systems: number, seeds: number, seconds: number): string =>
  `${systems} systems, ${ofSeeds(seeds)}, each in ${
    roughly(seconds)
  }; a run that is cut off goes on by the same command.\n`;

/** What a person reads in the end. @param report its file */
export function endText([systems, ...more]: readonly ReportTable[],
  summaries: readonly Pick<SystemSummary, 'seconds'>[], report: string, smoke: boolean): string {
  return [
    [tableText(systems), ...more.map((each) => `${each.title}:\n\n${tableText(each)}`)].join('\n\n'),
    '',
    `Time      ${duration(summaries.reduce((sum, { seconds }) => sum + seconds, 0))} a seed`,
    `Report    ${pathToFileURL(report).href}`,
    ...(smoke ? ['This was the short form: it shows that all parts work.'] : []),
  ].join('\n');
}

const folderOf = (out: string, seed: number) => join(out, `seed_${seed}`);

/** What a comparison came to. */
interface Compared {
  readonly comparison: Comparison;
  readonly plan: ComparisonPlan;
  readonly out: string;
  /** The first of the seeds. */
  readonly seed: number;
  readonly seeds: number;
  readonly summaries: readonly SystemSummary[];
  readonly found: readonly FoundOrder[];
}

/** The report of a comparison. */
export function reportOf(gpu: Gpu, { comparison, plan, out, seed, seeds, summaries, found }: Compared): ReportData {
  const { title, story, systems, columns, headline, shown } = comparison;
  const first = folderOf(out, seed);
  return {
    title,
    summary: `Each system was trained on the same clips for ${plan.videoSteps} steps, with ${ofSeeds(seeds)}. ${story}`,
    finishedAt: new Date().toISOString(),
    seed,
    headlines: headlinesOf(summaries, headline, plan.sizes.testSeen * seeds),
    tables: [systemsTable(summaries, columns), ...(found.length > 0 ? [ordersTable(found, systems)] : [])],
    stages: stagesOf(systems, first),
    confusions: [],
    clips: [],
    environment: environmentOf(gpu),
    timings: summaries.map(({ name, seconds }) => ({ name: `${name}, a seed`, seconds })),
    config: readFileSync(join(first, shown, CONFIG_FILE), 'utf8'),
  };
}

/** The curves of the first seed, a panel for each group of systems. */
function stagesOf(systems: readonly ComparedSystem[], folder: string): Stage[] {
  return [...new Set(systems.map(({ group }) => group))].map((title) => ({
    title,
    curves: systems.filter(({ group }) => group === title).map(({ key, name }) => {
      const log = readRunLog(join(folder, key, LOG_FILE));
      return { system: name, loss: seriesOf(log, name, 'loss'), lr: seriesOf(log, name, 'lr') };
    }),
  }));
}
