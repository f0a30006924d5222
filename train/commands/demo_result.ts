/** What the demo leaves in its folder, and what it says in the end. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Gpu } from '../../engine/index.ts';
import { duration } from '../log/progress.ts';
import { LOG_FILE } from '../log/recorder.ts';
import { readRunLog } from '../log/run_log.ts';
import { confusionsOf, headlinesOf, type Measured, stagesOf } from '../moving_shapes/report_data.ts';
import { CLASS_NAMES, MOTIONS } from '../moving_shapes/scenes.ts';
import { type ClipPrediction, type Headline, isMet, type ReportData, type Timing } from '../report/data.ts';
import { writeReport } from '../report/write.ts';
import { PLAIN } from '../protocols/candidates.ts';
import { formatConfig } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { environmentOf } from '../run/machine.ts';
import { predictLine } from './predict_line.ts';

/** The first of `demo-1`, `demo-2`, … in a folder that is not there yet. */
export function freeFolder(runs: string): string {
  for (let i = 1;; i++) {
    const folder = join(runs, `demo-${i}`);
    if (!existsSync(folder)) return folder;
  }
}

/** Seconds of each part. */
export class Clock {
  readonly timings: Timing[] = [];

  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.timings.push({ name, seconds: (performance.now() - start) / 1000 });
    return result;
  }
}

/** A demo that is done. */
export interface Finished {
  readonly gpu: Gpu;
  /** Run folder, with its log. */
  readonly out: string;
  readonly seed: number;
  readonly smoke: boolean;
  readonly config: TrainConfig;
  readonly measured: Measured;
  readonly clips: readonly ClipPrediction[];
  readonly timings: readonly Timing[];
}

/** Writes the report and says what came out. Returns the exit status: 1 if a target was missed. */
export async function leaveResult(
  { gpu, out, seed, smoke, config, measured, clips, timings }: Finished,
): Promise<number> {
  const { motions, names } = confusionsOf(measured);
  const data: ReportData = {
    title: 'X-CLIP on moving shapes',
    summary:
      `A model that compares short videos with sentences learned from nothing to tell ${CLASS_NAMES.length} of them apart, such as "${
        CLASS_NAMES[0]
      }". No single frame tells ${
        MOTIONS.slice(0, 2).map((motion) => `"${motion}"`).join(' from ')
      }, and neither do all frames without their order: whoever passes 50\u00a0% over motions sees time.`,
    finishedAt: new Date().toISOString(),
    seed,
    headlines: headlinesOf(measured),
    stages: stagesOf(readRunLog(join(out, LOG_FILE))),
    confusions: [{ title: 'Motions, with the number of clips', confusion: motions }, {
      title: `All ${names.labels.length} names, ordered by group`,
      confusion: names,
    }],
    clips,
    environment: environmentOf(gpu),
    timings,
    config: formatConfig(config),
  };
  const report = await writeReport(out, data, { motions, short: smoke });
  console.log(`\n${tableOf(data.headlines)}\n`);
  console.log(`Time      ${timings.map(({ name, seconds }) => `${name} ${duration(seconds)}`).join(', ')}`);
  console.log(`Report    ${pathToFileURL(report).href}`);
  const asked = ['a red square moving left', 'a red square moving right'];
  const [{ path }] = measured.seen.dataset.entries;
  console.log(`Predict   ${predictLine(join(out, 'checkpoint'), asked, PLAIN, path)}`);
  if (smoke) {
    console.log('This was the short form: it shows that all parts work. npx firstlight demo trains in full.');
    return 0;
  }
  return data.headlines.every(isMet) ? 0 : 1;
}

/** Results beside targets and ceilings. */
function tableOf(headlines: readonly Headline[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rows = headlines.map(({ system, measure: what, value, goal, chance, clips }) => [
    system,
    what,
    percent(value),
    goal === undefined ? '' : `${goal.kind} ${percent(goal.value)}`,
    isMet({ value, goal }) ? '✓' : '✗',
    percent(chance),
    String(clips),
  ]);
  const table = [['system', 'measured', 'result', 'goal', '', 'chance', 'clips'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const isNumber = (column: number) => [2, 5, 6].includes(column);
  return table.map((row) =>
    row.map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join(
      '  ',
    ).trimEnd()
  ).join('\n');
}
