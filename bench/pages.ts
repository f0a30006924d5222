/**
 * `npm run bench -- --pages FOLDER`: makes the pages of measurements from the results in a folder, and measures
 * nothing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FirstlightError } from '../engine/errors.ts';
import type { GrowthResults } from './growth_point.ts';
import { type KernelData, KIND, RESULTS_FILE } from './kernels/data.ts';
import { writeReport } from './kernels/report_files.ts';
import { frontText, measuredPage, withMeasured } from './kernels/pages.ts';
import { benchPage } from './measured.ts';
import type { ProcessorResults } from './peers/processor.ts';
import type { RaceResults } from './peers/race.ts';
import { readResults } from './results.ts';
import type { StepResults } from './step.ts';

const pathOf = (page: string) => fileURLToPath(new URL(`../${page}`, import.meta.url));

/**
 * Writes MEASURED.md of each room that was measured; and the table of README.md, with the benchmark's own page and the
 * report beside the results, if all that it shows was measured.
 *
 * @returns the exit code
 */
export function writePages(folder: string): number {
  const found = <T extends object>(file: string,
    kind: string) => (existsSync(join(folder, file)) ? readResults<T>(join(folder, file), kind) : undefined);
  const kernels = found<KernelData>(RESULTS_FILE, KIND);
  const peers = found<RaceResults>('peers.json', 'peers');
  const processor = found<ProcessorResults>('processor.json', 'processor');
  const step = found<StepResults>('step.json', 'step');
  const growth = found<GrowthResults>('growth.json', 'growth');
  if ([kernels, peers, processor, step].every((results) => results === undefined)) {
    throw new FirstlightError('FL_RESULTS',
      `${folder}: holds no ${RESULTS_FILE}, peers.json, processor.json or step.json`, { folder },
      'name a folder that npm run bench wrote: bench/results/<adapter>');
  }
  const pages = new Map<string, string>();
  for (const room of new Set(kernels?.rows.filter(({ isWorkload }) => isWorkload).map((row) => row.room))) {
    if (kernels !== undefined) pages.set(`kernels/${room}/MEASURED.md`, measuredPage(room, kernels));
  }
  const front = kernels && frontText(kernels);
  if (front !== undefined) pages.set('README.md', withMeasured(readFileSync(pathOf('README.md'), 'utf8'), front));
  // a folder with some rooms alone makes their pages, no more
  if (front !== undefined || [peers, processor, step, growth].some((results) => results !== undefined)) {
    pages.set('bench/MEASURED.md', benchPage({ kernels, peers, processor, step, growth }));
  }
  for (const [page, text] of pages) writeFileSync(pathOf(page), text);
  const reports = kernels !== undefined && front !== undefined ? writeReport(folder, kernels) : [];
  console.log(`wrote ${[...pages.keys(), ...reports.map((name) => join(folder, name))].join(', ')}`);
  return 0;
}
