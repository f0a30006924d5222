import { join } from 'node:path';
import { writeText } from '../../model/checkpoint/files.node.ts';
import { type ReportData, resultOf } from './data.ts';
import { renderReport } from './report.ts';

export const RESULT_FILE = 'result.json';
export const REPORT_FILE = 'report.html';

/** Leaves a report and its numbers in a run folder. Returns the path of the report. @param more numbers of this run */
export async function writeReport(folder: string, data: ReportData, more: object): Promise<string> {
  await writeText(join(folder, RESULT_FILE), `${JSON.stringify({ ...resultOf(data), ...more }, null, 2)}\n`);
  const report = join(folder, REPORT_FILE);
  await writeText(report, renderReport(data));
  return report;
}
