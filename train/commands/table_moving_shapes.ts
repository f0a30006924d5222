/** `firstlight table moving-shapes`: all systems trained alike, over several seeds, beside the order of the paper. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Gpu, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { duration, roughly } from '../log/progress.ts';
import { LOG_FILE } from '../log/recorder.ts';
import { readRunLog, seriesOf } from '../log/run_log.ts';
import { comparisonFlops, type ComparisonPlan, compareWithSeed } from '../moving_shapes/comparison.ts';
import { foundIn, headlinesOf, ordersTable, type Results, summariesOf, systemsTable,
  tableText } from '../moving_shapes/comparison_report.ts';
import { secondsOf, isTooSlow } from '../moving_shapes/expectation.ts';
import { DEFAULT_SIZES } from '../moving_shapes/files.ts';
import { COMPARED, ORDERS } from '../moving_shapes/systems.ts';
import type { ReportData, Stage } from '../report/data.ts';
import { writeReport } from '../report/write.ts';
import { environmentOf } from '../run/machine.ts';
import { CONFIG_FILE } from '../run/resuming.ts';
import { StopRequest } from '../run/stop.ts';

export interface TableMovingShapesOptions {
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

const FULL: ComparisonPlan = { sizes: DEFAULT_SIZES, clipSteps: 900, videoSteps: 400, shots: 2, shotSteps: 60 };
const SMOKE: ComparisonPlan = { sizes: { train: 240, testSeen: 120, testUnseen: 72, stills: 432 }, clipSteps: 30,
  videoSteps: 6, shots: 2, shotSteps: 3 };

/** Trains what is not trained yet, prints the tables and writes the report. Returns the exit status. */
export async function tableMovingShapes(
  { seed, seeds, out, smoke, patient, json }: TableMovingShapesOptions,
): Promise<number> {
  using stop = new StopRequest();
  await using gpu = await open({ tuning: tuned, warms: true });
  const plan = smoke ? SMOKE : FULL;
  const expected = await secondsOf(gpu, comparisonFlops(gpu, plan, COMPARED));
  if (isTooSlow(expected, patient)) {
    console.log(
      `On ${gpu.name} each seed would take ${
        roughly(expected)
      }.\n  a small form, which learns little:  npx firstlight table moving-shapes --smoke\n  all of it nevertheless:             npx firstlight table moving-shapes --patient`,
    );
    return 1;
  }
  if (!json) {
    console.log(
      `${COMPARED.length} systems, ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, each in ${
        roughly(expected)
      }; a run that is cut off goes on by the same command.\n`,
    );
  }
  mkdirSync(out, { recursive: true });
  const results = new Map<number, Awaited<ReturnType<typeof compareWithSeed>>>();
  for (let own = seed; own < seed + seeds; own++) {
    results.set(own,
      await compareWithSeed({ gpu, seed: own, folder: folderOf(out, own), plan, systems: COMPARED, stop }));
  }
  const summaries = summariesOf(COMPARED, results);
  const found = foundIn(ORDERS, results);
  const data = reportOf(gpu, { out, seed, plan, results });
  const report = await writeReport(out, data, { plan, systems: summaries, orders: found,
    seeds: Object.fromEntries([...results].map(([own, ofSeed]) => [own, Object.fromEntries(ofSeed)])) });
  if (json) {
    console.log(JSON.stringify({ systems: summaries, orders: found }, null, 2));
    return 0;
  }
  const [systems, orders] = data.tables ?? [];
  console.log(`${tableText(systems)}\n\n${orders.title}:\n\n${tableText(orders)}\n`);
  console.log(`Time      ${duration(summaries.reduce((sum, { seconds }) => sum + seconds, 0))} a seed`);
  console.log(`Report    ${pathToFileURL(report).href}`);
  if (smoke) console.log('This was the short form: it shows that all parts work.');
  return 0;
}

const folderOf = (out: string, seed: number) => join(out, `seed_${seed}`);

function reportOf(gpu: Gpu,
  { out, seed, plan, results }: { readonly out: string; readonly seed: number; readonly plan: ComparisonPlan;
    readonly results: Results }): ReportData {
  const summaries = summariesOf(COMPARED, results);
  const first = folderOf(out, seed);
  const { videoSteps, shots } = plan;
  return {
    title: 'Systems on moving shapes',
    summary: `Each system was trained on the same clips for ${videoSteps} steps, with ${results.size} ${
      results.size === 1 ? 'seed' : 'seeds'
    }: on CLIP's towers or from nothing, with texts or with a head. New classes are names that never occurred in training: told without an example (zero-shot), or after ${shots} clips of each (few-shot).`,
    finishedAt: new Date().toISOString(),
    seed,
    headlines: headlinesOf(summaries, plan.sizes.testSeen * results.size),
    tables: [systemsTable(summaries), ordersTable(foundIn(ORDERS, results), COMPARED)],
    stages: stagesOf(first),
    confusions: [],
    clips: [],
    environment: environmentOf(gpu),
    timings: summaries.map(({ name, seconds }) => ({ name: `${name}, a seed`, seconds })),
    config: readFileSync(join(first, 'xclip', CONFIG_FILE), 'utf8'),
  };
}

/** The curves of the first seed, a panel for each group of systems. */
function stagesOf(folder: string): Stage[] {
  return [...new Set(COMPARED.map(({ group }) => group))].map((title) => ({
    title,
    curves: COMPARED.filter(({ group }) => group === title).map(({ key, name }) => {
      const log = readRunLog(join(folder, key, LOG_FILE));
      return { system: name, loss: seriesOf(log, name, 'loss'), lr: seriesOf(log, name, 'lr') };
    }),
  }));
}
