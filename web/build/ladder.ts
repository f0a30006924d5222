/** What a study page says of a room's ladder before anything is measured on it: work, and results that are shipped. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KernelData, KIND, RESULTS_FILE } from '../../bench/kernels/data.ts';
import { measuredPage } from '../../bench/kernels/pages.ts';
import { parseResults, type Results } from '../../bench/result_text.ts';
import type { Room } from '../../kernels/shared/room.ts';
import { type Html, html } from '../../train/report/html.ts';
import { WORK_HEAD, workCells } from '../study/ladder_text.ts';
import { documentOf } from './markdown.ts';

const RESULTS = 'bench/results';

let shipped: readonly Results<KernelData>[] | undefined;

/** The results of all adapters that the project has, by the names of their folders; read once. */
function shippedResults(root: string): readonly Results<KernelData>[] {
  const paths = () => readdirSync(join(root, RESULTS)).sort().map((name) => join(root, RESULTS, name, RESULTS_FILE));
  return (shipped ??= paths().filter((path) => existsSync(path)).map((path) =>
    parseResults<KernelData>(readFileSync(path, 'utf8'), path, KIND)
  ));
}

/** What each workload needs, however a kernel goes about it. */
export function workTable({ workloads }: Room): Html {
  const lines = workloads.flatMap(({ name, make, needsHardware }) => {
    const item = make();
    const title = needsHardware === true ? `${name} *` : name;
    return [workCells(title, 'forward', item.cost('f32')),
      ...(item.gradientCost === undefined ? [] : [workCells(title, 'gradient', item.gradientCost('f32'))])];
  });
  const cells = (line: readonly string[]) =>
    line.map((cell, i) => (i < 2 ? html`<td>${cell}</td>` : html`<td class="right">${cell}</td>`));
  return html`<div class="wide" tabindex="0" role="region" aria-label="table: work of each size"><table>
<thead><tr>${
    WORK_HEAD.map((name,
      i) => (i < 2 ? html`<th scope="col">${name}</th>` : html`<th class="right" scope="col">${name}</th>`)
    )
  }</tr></thead>
<tbody>${lines.map((line) => html`<tr>${cells(line)}</tr>\n`)}</tbody></table></div>
<p class="hint">In f32. Every tensor at the edge of the operation moves once; a product and its sum are two operations.${
    workloads.some(({ needsHardware }) => needsHardware === true) ? ' * on hardware adapters alone' : ''
  }</p>`;
}

/** Tables of each adapter whose results are shipped. @param link as the pages of measurements need it */
export function shippedTables(root: string, room: string,
  link: (path: string, anchor: string) => string): readonly Html[] {
  const path = `kernels/${room}/MEASURED.md`;
  const own = shippedResults(root).filter(({ rows }) => rows.some((row) => row.room === room && row.isWorkload));
  if (own.length === 0) return [html`<p>None yet.</p>`];
  return own.map((results) => {
    const { sections } = documentOf(measuredPage(room, results), { path, link });
    return html`<h4>${results.environment.adapter}</h4>
${sections.map(({ heading, body }) => html`${heading === '' ? html`` : html`<h5>${heading}</h5>`}${body}`)}`;
  });
}
