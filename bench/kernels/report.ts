/** The benchmark of the kernels as one HTML page that loads nothing. */
import { Html, html } from '../../train/report/html.ts';
import { scrolling } from '../../train/report/scroll.ts';
import { STYLE } from '../../train/report/style.ts';
import type { Results } from '../result_text.ts';
import { roofsText } from '../roofs/index.ts';
import { digits, duration, percent } from '../../train/log/table.ts';
import type { KernelData } from './data.ts';
import { type Row, boundOf, gbpsOf, gflopsOf, shareOf } from './row.ts';

const OWN_STYLE = `
main { max-width: 1240px; }
.picture svg { width: 100%; height: auto; border-radius: 14px; border: 1px solid var(--line); }
.scroll { max-height: none; margin: 10px 0 4px; }
table.rows { border-collapse: collapse; font-size: 14px; width: 100%; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rows th { text-align: left; font-weight: 600; color: var(--soft); padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
.rows td { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--empty); } .rows .n { text-align: right; }
.rows .best td { font-weight: 600; }
.meter { display: inline-block; width: 110px; height: 8px; margin-right: 8px; border-radius: 4px; background: var(--empty); overflow: hidden; vertical-align: middle; }
.meter i { display: block; height: 100%; background: var(--bar); }
nav { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 14px; } a { color: var(--series-1); }
`;

/** Rows of one room, and where its page is, seen from bench/results/<adapter>/. */
function section(room: string, rows: readonly Row[]): Html {
  const models = rows.filter(({ isWorkload }) => isWorkload);
  const awkward = rows.filter(({ isWorkload }) => !isWorkload);
  return html`<section id="${room}"><h2>${room}</h2><p class="hint"><a href="../../../kernels/${room}/README.md">the room: its WGSL, its formulas, its variants</a></p>
${table(`${room}, sizes of models`, models)}
${
    awkward.length === 0
      ? html``
      : html`<details class="card"><summary>${awkward.length} rows at the awkward sizes of its tests</summary>${
        table(`${room}, sizes of tests`, awkward)
      }</details>`
  }</section>`;
}

/** The fastest variant of a case and direction stands out. */
function isBest(row: Row, rows: readonly Row[]): boolean {
  const isRival = (other: Row) =>
    other.case === row.case && other.direction === row.direction && other.type === row.type;
  return rows.every((other) => !isRival(other) || other.gpu.least >= row.gpu.least);
}

function table(name: string, rows: readonly Row[]): Html {
  const line = (row: Row) =>
    html`<tr${new Html(isBest(row, rows) ? ' class="best"' : '')}>
<td>${row.case}</td><td>${
      row.variant === 'only' ? '' : row.variant
    }</td><td>${row.type}</td><td>${row.direction}</td><td class="n">${row.dispatches}</td>
<td class="n">${duration(row.gpu.median)}</td><td class="n">${duration(row.gpu.low)} to ${
      duration(row.gpu.high)
    }</td><td class="n">${duration(row.wall.median)}</td>
<td class="n">${row.flops === 0 ? '' : digits(gflopsOf(row))}</td><td class="n">${digits(gbpsOf(row))}</td>
<td title="bound by ${boundOf(row)}"><span class="meter" aria-hidden="true"><i style="width:${
      (100 * Math.min(1, shareOf(row))).toFixed(1)
    }%"></i></span>${percent(shareOf(row))}</td><td class="n">${duration(row.compile)}</td></tr>`;
  return scrolling(name,
    html`<table class="rows"><tr><th>case</th><th>variant</th><th>stored</th><th>direction</th><th>dispatches</th><th>GPU, median</th><th>middle half</th><th>wall, median</th><th>GFLOP/s</th><th>GB/s</th><th>of the roof</th><th>compile</th></tr>
${rows.map(line)}</table>`);
}

/** @param picture the roofline, as SVG */
export function reportPage({ environment, commit, date, command, roofs, rows }: Results<KernelData>,
  picture: string): string {
  const names = [...new Set(rows.map(({ room }) => room))];
  const { adapter, machine, versions } = environment;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kernels on ${adapter}</title>
<style>${new Html(STYLE + OWN_STYLE)}</style>
</head>
<body>
<main>
<header>
<h1>Kernels on ${adapter}</h1>
<p class="lead">Every room, case and usable variant, forward and gradient, beside what this machine can do at most: ${
    roofsText(roofs)
  }, measured in the same run.</p>
<div class="facts"><span>${
    date.slice(0, 16).replace('T', ' ')
  } UTC</span><span>commit ${commit}</span><span>${machine}</span>${
    Object.entries(versions).map(([name, version]) => html`<span>${name} ${version}</span>`)
  }<span>${command}</span></div>
</header>
<div class="picture">${new Html(picture)}</div>
<p class="hint">GPU: between timestamps around each dispatch. Wall: from the call to the results on the host. Of the roof: the time that the roofs leave, measured before and after each turn, over the minimum time of all turns. Compile: the first call, less the median. The fastest variant is bold.</p>
<nav>${names.map((name) => html`<a href="#${name}">${name}</a>`)}</nav>
${names.map((name) => section(name, rows.filter(({ room }) => room === name)))}
</main>
</body>
</html>
`.text;
}
