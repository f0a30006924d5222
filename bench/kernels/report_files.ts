/** The report of the kernels and its picture, as files. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Results } from '../result_text.ts';
import type { KernelData } from './data.ts';
import { reportPage } from './report.ts';
import { rooflinePicture } from './roofline_picture.ts';

/** Writes them beside the results that they are made of. @returns their names */
export function writeReport(folder: string, results: Results<KernelData>): readonly string[] {
  const picture = rooflinePicture(results.rows, results.roofs, results.environment.adapter);
  const files = { 'roofline.svg': picture, 'report.html': reportPage(results, picture) };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return Object.keys(files);
}
