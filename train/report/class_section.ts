import { confusionChart } from './charts.ts';
import { shown } from '../../engine/shown.ts';
import { accuracyChart, matrixPicture } from './class_charts.ts';
import { type ClassCounts, classRows, type ClassRow, meanPerClass, mostConfused, neighbourOrder, type Pair, shareRight,
  worstPairs } from './classes.ts';
import { Html, html, name, percent } from './html.ts';
import { scrolling } from './scroll.ts';

/** Up to so many classes one matrix shows all, with names and counts. */
const FEW = 16;
/** Classes of the large matrix: a page shows no more of them apart. */
const MOST_IN_MATRIX = 600;
/** Rows of the tables. What is beyond them stands in the file of numbers beside the page. */
const MOST_ROWS = 2000;
const MOST_PAIRS = 200;
/** Names that the clips of a class are said to be taken for. */
const MOST_TAKEN_FOR = 3;

/**
 * Everything about single classes: how many are right, worst pairs, a matrix, and a table of all with a search. The
 * script only finds, sorts and points: without it, all of it is there to read.
 */
export function classSection(counts: ClassCounts): Html {
  const rows = classRows(counts);
  const worst = worstPairs(counts, rows);
  const { names } = counts;
  return html`<section id="classes">
<h2>Classes</h2>
<p class="hint">${summary(rows)}</p>
<label class="search" hidden>Find a class <input type="search" placeholder="part of its name" autocomplete="off"><output></output></label>
<div class="grid">
<figure class="card"><figcaption>Share of clips named right, for each class</figcaption>${new Html(
    accuracyChart(rows),
  )}</figure>
${pairTable(worst, rows)}
${
    names.length <= FEW
      ? matrixOf('All classes, with the number of clips', rows.map(({ id }) => id), counts, rows)
      : largeMatrices(counts, worst, rows)
  }
</div>
${classTable(rows)}
</section>`;
}

function summary(rows: readonly ClassRow[]): string {
  const shares = rows.flatMap((row) => shareRight(row) ?? []);
  const withShare = (wanted: number) => shares.filter((share) => share === wanted).length;
  const untested = rows.length - shares.length;
  return `Every clip is right in ${withShare(1)} of ${grouped(shares.length)} classes, none in ${
    withShare(0)
  }; the mean over classes is ${percent(meanPerClass(rows), 1)}.${
    untested === 0 ? '' : ` Classes without clips: ${grouped(untested)}.`
  }`;
}

/** 12345 → "12,345". */
const grouped = (count: number) => count.toLocaleString('en-US');

function pairTable(worst: readonly Pair[], rows: readonly ClassRow[]): Html {
  const back = new Map(worst.map(({ truth, guess, clips }) => [`${truth} ${guess}`, clips]));
  const lines = worst.slice(0, MOST_PAIRS).map(({ truth, guess, clips }) =>
    html`<tr>${cell(rows[truth].name)}${cell(rows[guess].name)}<td>${clips}</td><td>${
      percent(clips / rows[truth].clips)
    }</td><td>${back.get(`${guess} ${truth}`) ?? 0}</td></tr>`
  );
  const more = worst.length - lines.length;
  return html`<div class="card list"><h3>Most often confused</h3>
${
    scrolling('pairs of classes',
      html`<table class="pairs"><thead><tr><th>Clips of</th><th>taken for</th><th>clips</th><th title="share of the class">share</th><th title="clips taken the other way round">and back</th></tr></thead><tbody>${
        lines.length === 0 ? html`<tr><td colspan="5">No clip was taken for another class.</td></tr>` : lines
      }</tbody></table>`)
  }${
    more > 0 ?
      html`<p class="hint">Pairs beyond these: ${grouped(more)}, of ${worst[MOST_PAIRS].clips} clips at most.</p>` :
      html``
  }</div>`;
}

/** A name that has a cell to itself, as `name` shows it, without one element more for each of thousands. */
const cell = (text: string) => html`<td dir="auto">${shown(text)}</td>`;

/** A matrix of few classes with names and counts. */
function matrixOf(title: string, ids: readonly number[], { names, pairs }: ClassCounts,
  rows: readonly ClassRow[]): Html {
  const place = new Map(ids.map((id, i) => [id, i]));
  const counts = ids.map(() => ids.map(() => 0));
  for (const { truth, guess, clips } of pairs) {
    const [row, column] = [place.get(truth), place.get(guess)];
    if (row !== undefined && column !== undefined) counts[row][column] = clips;
  }
  const chart = confusionChart(title, { labels: ids.map((id) => shown(names[id])), counts,
    totals: ids.map((id) => rows[id].clips) });
  return html`<figure class="card"><figcaption>${title}. Rows are the truth, columns the prediction.</figcaption>${new Html(
    chart,
  )}</figure>`;
}

/** All classes as a picture, and the most confused ones by name. */
function largeMatrices(counts: ClassCounts, worst: readonly Pair[], rows: readonly ClassRow[]): Html {
  const { names, pairs } = counts;
  const shown = names.length <= MOST_IN_MATRIX ? names.map((_, id) => id) : mostConfused(worst, MOST_IN_MATRIX);
  const order = neighbourOrder(shown, pairs);
  const place = new Map(order.map((id, i) => [id, i]));
  const cells = pairs.flatMap(({ truth, guess, clips }) => {
    const [row, column] = [place.get(truth), place.get(guess)];
    return row === undefined || column === undefined ? [] : [`${row},${column},${clips}`];
  });
  const title = names.length <= MOST_IN_MATRIX
    ? `All ${names.length} classes`
    : `The ${order.length} most confused of ${grouped(names.length)} classes`;
  const few = mostConfused(worst, FEW);
  return html`<figure class="card matrix" data-order="${order.join(' ')}" data-cells="${
    cells.join(' ')
  }"><figcaption>${title}, ordered so that confused ones stand together. Rows are the truth, columns the prediction.</figcaption>${new Html(
    matrixPicture(order, pairs, rows),
  )}<p class="readout" aria-live="polite"></p></figure>
${
    few.length < 2 ?
      html`` :
      matrixOf(`The ${few.length} most confused classes, with the number of clips`, neighbourOrder(few, pairs), counts,
        rows)
  }`;
}

/** Worst first. */
function classTable(rows: readonly ClassRow[]): Html {
  const share = (row: ClassRow) => shareRight(row) ?? Infinity;
  const sorted = [...rows].sort((a, b) => share(a) - share(b) || b.clips - a.clips || a.id - b.id).slice(0, MOST_ROWS);
  const more = rows.length - sorted.length;
  return html`<div class="card list"><h3>All classes</h3>
${
    scrolling('all classes',
      html`<table class="by-class"><thead><tr><th data-sort="name">Class</th><th data-sort="clips">clips</th><th data-sort="share">right</th><th>taken for</th><th data-sort="given" title="clips of other classes that were given its name">wrongly given</th></tr></thead><tbody>${
        sorted.map((row) => classRow(row, rows))
      }</tbody></table>`, { isTall: true })
  }${
    more > 0
      ? html`<p class="hint">The ${
        grouped(sorted.length)
      } with the least right; all stand in the file of numbers beside this page.</p>`
      : html``
  }</div>`;
}

function classRow(row: ClassRow, rows: readonly ClassRow[]): Html {
  const share = shareRight(row);
  const takenFor = row.takenFor.slice(0, MOST_TAKEN_FOR).map(({ guess, clips }) =>
    html`${name(rows[guess].name)}\u00a0${clips}`
  );
  if (row.unreadable > 0) takenFor.push(html`cannot be decoded\u00a0${row.unreadable}`);
  return html`<tr data-id="${row.id}" data-share="${share ?? -1}" data-clips="${row.clips}" data-given="${row.given}">${
    cell(row.name)
  }<td>${row.clips}</td><td class="right"${new Html(
    share === undefined ? '' : ` style="--share:${(100 * share).toFixed(1)}%"`,
  )}>${share === undefined ? '–' : percent(share)}</td><td>${
    takenFor.map((each, i) => (i === 0 ? each : html`, ${each}`))
  }</td><td>${row.given}</td></tr>`;
}
