import { createHash } from 'node:crypto';
import { oneLine, printable, shown } from '../../engine/shown.ts';
import { duration } from '../log/progress.ts';
import { areNumbers } from '../log/table.ts';
import { compactConfusionChart, confusionChart, learningRateChart, lossChart, seriesColour, TOP5_COLOUR,
  VALIDATION_COLOUR, validationChart } from './charts.ts';
import { classSection } from './class_section.ts';
import { type ClipPrediction, type ConfusionPanel, type Environment, type Headline, isMet, type MeasuredPart,
  type ReportData, type ReportTable, type Stage, type Timing, type UnreadableClip } from './data.ts';
import { stripUri } from './film.ts';
import { Html, html, name, percent } from './html.ts';
import { SCRIPT } from './script.ts';
import { scrolling } from './scroll.ts';
import { STYLE } from './style.ts';

/** Predictions shown for a clip. */
const GUESSES = 3;

/**
 * The report as one HTML file that loads nothing: charts are SVG, frames are PNG within the page. Where there are
 * classes to search, it has one script, the same for every run; the page's own policy forbids any other, and any
 * address.
 */
export function renderReport(data: ReportData): string {
  const script = data.classes === undefined ? html`` : new Html(`<script>${SCRIPT}</script>\n`);
  const body = html`<main>
${head(data)}
${section(data.headlines, 'Results', resultsHint(data.headlines), headline)}
${partTable(data.parts ?? [])}
${(data.tables ?? []).map(table)}
${
    section(data.clips, 'What it sees',
      'Test clips, the frames the model was given in their order, and its three most probable names. The right name is green.',
      clip)
  }
${
    section(data.stages, 'Learning',
      'Thin lines are the loss as logged (means of a few steps where there are many), thick ones an average over neighbours.',
      stage)
  }
${
    section(data.confusions, 'Confusions',
      'Rows are the truth, columns the prediction. Green is right, red is wrong; the fuller the colour, the larger the share of the row.',
      confusion)
  }
${data.classes === undefined ? html`` : classSection(data.classes)}
${unreadable(data.unreadable ?? [])}
<section>
<h2>How it was made</h2>
<div class="grid">
<div class="card">${environment(data.environment, data.seed)}</div>
<div class="card">${times(data.timings)}</div>
</div>
<details class="card"><summary>Configuration</summary><pre>${printable(data.config)}</pre></details>
</section>
</main>
${script}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyOf(body)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${shown(data.title)}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${body}</body>
</html>
`.text;
}

/**
 * What the browser may do with the page: show the pictures that it holds, in its own style sheets and those of its
 * charts, and run its own script; each is known by its hash. Attributes of style hold lengths and colours of ours. It
 * loads nothing, sends nothing, and no page stands within it.
 */
function policyOf({ text }: Html): string {
  const within = (tag: string) => [...text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(([, own]) => own);
  const hashes = (texts: readonly string[]) =>
    [...new Set(texts)].map((own) => `'sha256-${createHash('sha256').update(own).digest('base64')}'`).join(' ');
  const scripts = within('script');
  return ["default-src 'none'", 'img-src data:', `style-src ${hashes([STYLE, ...within('style')])}`,
    "style-src-attr 'unsafe-inline'", ...(scripts.length === 0 ? [] : [`script-src ${hashes(scripts)}`]),
    "base-uri 'none'", "form-action 'none'"].join('; ');
}

/** A section of cards; nothing, if there are none. */
function section<T>(items: readonly T[], title: string, hint: string, card: (item: T) => Html): Html {
  if (items.length === 0) return html``;
  return html`<section>
<h2>${title}</h2>
<p class="hint">${hint}</p>
<div class="grid">${items.map(card)}</div>
</section>`;
}

/** Files that a page lists; how many more there are is said below. */
const MOST_FILES = 200;

function unreadable(clips: readonly UnreadableClip[]): Html {
  if (clips.length === 0) return html``;
  const rows = clips.slice(0, MOST_FILES).map(({ file, reason }) =>
    html`<tr><td>${name(file)}</td><td>${oneLine(reason)}</td></tr>`
  );
  const more = clips.length - rows.length;
  return html`<section>
<h2>Clips that cannot be decoded</h2>
<p class="hint">In the test they count as wrong. In training others take their place.</p>
<div class="card list">${
    scrolling('clips that cannot be decoded',
      html`<table><thead><tr><th>File</th><th>Reason</th></tr></thead><tbody>${rows}</tbody></table>`)
  }${more > 0 ? html`<p class="hint">${more.toLocaleString('en-US')} more.</p>` : html``}</div>
</section>`;
}

function resultsHint(headlines: readonly Headline[]): string {
  const marks = headlines.some(({ goal }) => goal !== undefined)
    ? 'A solid mark is the target or the ceiling, a dotted one is what guessing would reach.'
    : 'The dotted mark is what guessing would reach.';
  const means = headlines.some(({ deviation }) => deviation !== undefined)
    ? ' Each number is a mean, ± the sample deviation (n − 1).'
    : '';
  return `Each bar runs from 0 to 100 %. ${marks}${means}`;
}

/** What the results are the means of. */
function partTable(parts: readonly MeasuredPart[]): Html {
  if (parts.length === 0) return html``;
  return table({
    title: 'Measurements',
    hint:
      'The results above are the means of these. Clips of other classes are left out; clips that cannot be decoded are wrong.',
    columns: ['measured', 'top-1', 'top-5', 'classes', 'clips', 'left out', 'not decoded'],
    rows: parts.map((
      { name: part, classes, clips, leftOut, unreadable: bad, top1, top5 },
    ) => [part, percent(top1, 1), percent(top5, 1), String(classes), grouped(clips), grouped(leftOut), grouped(bad)]),
  });
}

function table({ title, hint, columns, rows }: ReportTable): Html {
  const kinds = areNumbers(columns, rows).map((isNumber) => new Html(isNumber ? ' class="n"' : ''));
  const lines = rows.map((cells) => html`<tr>${cells.map((cell, i) => html`<td${kinds[i]}>${name(cell)}</td>`)}</tr>`);
  return html`<section>
<h2>${title}</h2>
<p class="hint">${hint}</p>
<div class="card list">${
    scrolling(title.toLowerCase(), html`<table class="parts"><thead><tr>${
      columns.map((column, i) => html`<th${kinds[i]}>${column}</th>`)
    }</tr></thead><tbody>${lines}</tbody></table>`, { isTall: true })
  }</div>
</section>`;
}

const grouped = (count: number) => count.toLocaleString('en-US');

/** A share as a CSS length, kept on its scale. */
const length = (share: number) => `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;

function head({ title, summary, headlines, environment: { adapter }, timings, finishedAt, seed }: ReportData): Html {
  return html`<header>
${verdict(headlines)}
<h1>${name(title)}</h1>
<p class="lead">${oneLine(summary)}</p>
<div class="facts"><span>${new Date(finishedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC</span><span>${
    duration(total(timings))
  } in all</span><span>${name(adapter)}</span><span>seed ${seed}</span></div>
</header>`;
}

/** How many goals were met, if there were any. */
function verdict(headlines: readonly Headline[]): Html {
  const goals = headlines.filter(({ goal }) => goal !== undefined);
  if (goals.length === 0) return html``;
  const met = goals.filter(isMet).length;
  const all = met === goals.length;
  return html`<div class="verdict${all ? '' : ' missed'}"><span aria-hidden="true">${all ? '✓' : '✗'}</span>${
    all ? `All ${met} goals met` : `${met} of ${goals.length} goals met`
  }</div>`;
}

const mark = (share: number, text: string, kind: string) =>
  html`<div class="mark ${kind}${share < 0.6 ? ' to-right' : ''}" style="left:${
    length(share)
  }"><span>${text}</span></div>`;

function headline({ system, measure, value, deviation, clips, goal, chance, meaning }: Headline): Html {
  const kind = goal?.kind === 'at least' ? 'target' : 'ceiling';
  const beyond = goal?.kind === 'at most'
    ? html`<div class="beyond" style="left:${length(goal.value)};right:0"></div>`
    : html``;
  const wanted = goal === undefined ? '' : `, ${kind} ${percent(goal.value)}`;
  return html`<article class="card headline">
<h3>${system}</h3>
<div class="measure">${measure}</div>
<div class="number">${(100 * value).toFixed(1)}<small>${
    deviation === undefined ? '' : ` ± ${(100 * deviation).toFixed(1)} `
  }%</small></div>
<div class="scale" role="img" aria-label="${percent(value, 1)}${wanted}, chance ${
    percent(chance, 1)
  }">${beyond}<div class="fill" style="width:${length(value)}"></div>${
    goal === undefined ? html`` : mark(goal.value, `${kind} ${percent(goal.value)}`, '')
  }${mark(chance, `chance ${percent(chance, chance < 0.1 ? 1 : 0)}`, 'chance')}</div>
<p class="status">${outcome({ value, goal })} ${clips.toLocaleString('en-US')} clips. ${meaning}</p>
</article>`;
}

function outcome({ value, goal }: Pick<Headline, 'value' | 'goal'>): Html {
  if (goal === undefined) return html`On`;
  const met = isMet({ value, goal });
  const margin = goal.margin === undefined ? '' : ` (sampling: + ${percent(goal.margin, 1)})`;
  return html`<b class="${met ? 'met' : 'missed'}">${met ? '✓ met' : '✗ missed'}</b>: ${goal.kind} ${
    percent(goal.value)
  }${margin}, on`;
}

function clip({ file, label, unseen, top, frames }: ClipPrediction): Html {
  const { count, width, height } = frames;
  // A background of n frames stands at i/(n − 1) to show frame i; the animation ends one frame further and starts
  // again.
  const place = (frame: number) => `${count === 1 ? 0 : ((100 * frame) / (count - 1)).toFixed(4)}%`;
  const vars = `--frames:url(${stripUri(frames)});--count:${count};--ratio:${width}/${height};--end:${
    place(count === 1 ? 0 : count)
  }`;
  const guesses = top.slice(0, GUESSES).map(({ label: guess, probability }) => {
    const right = guess === label;
    return html`<li${new Html(right ? ' class="right"' : '')} style="--share:${length(probability)}"><span>${
      name(guess)
    }${right ? '\u00a0✓' : ''}</span><span class="share">${percent(probability, 1)}</span></li>`;
  });
  return html`<article class="card clip" style="${vars}">
<div class="moving"></div>
<div><h3>${name(label)}</h3>${
    unseen ? html`<span class="tag">never seen together in training</span> ` : html``
  }<span class="file">${name(file)}</span>
<ol class="guesses">${guesses}</ol></div>
<div class="strip" role="img" aria-label="${count} frames of ${shown(label)}">${
    Array.from({ length: count }, (_, frame) => html`<i style="--at:${place(frame)}"></i>`)
  }</div>
</article>`;
}

function legend(
  entries: readonly { readonly colour: string; readonly name: string; readonly isDashed?: boolean }[],
): Html {
  return html`<div class="legend">${
    entries.map(({ colour, name, isDashed }) =>
      html`<span><i${new Html(
        isDashed === true ? ' class="dashed"' : '',
      )} style="--colour:${colour}"></i>${name}</span>`
    )
  }</div>`;
}

function stage(each: Stage): Html {
  const { title, curves, validations = [] } = each;
  const entries = curves.flatMap(({ system, newPartsLr }, index) => [
    { colour: seriesColour(index), name: system },
    ...(newPartsLr === undefined ? [] : [{ colour: seriesColour(index), name: 'rate of new parts', isDashed: true }]),
  ]);
  const measured = { colour: VALIDATION_COLOUR, name: 'on data.val, without label smoothing' };
  const training = html`<figure class="card"><h3>${title}</h3>${
    legend(validations.length === 0 ? entries : [...entries, measured])
  }${new Html(lossChart(each))}${new Html(learningRateChart(each))}</figure>`;
  if (validations.length === 0) return training;
  return html`${training}<figure class="card"><h3>On clips of data.val</h3>${
    legend([{ colour: VALIDATION_COLOUR, name: 'top-1' }, { colour: TOP5_COLOUR, name: 'top-5' }])
  }${new Html(validationChart(validations))}</figure>`;
}

function confusion({ title, confusion: own }: ConfusionPanel): Html {
  const chart = own.groups === undefined ? confusionChart : compactConfusionChart;
  return html`<figure class="card"><figcaption>${title}</figcaption>${new Html(
    chart(`Confusion matrix: ${title}`, own),
  )}</figure>`;
}

function environment({ adapter, driver, backend, isSoftware, machine, versions }: Environment, seed: number): Html {
  const facts = [
    ['Adapter', `${adapter}${isSoftware ? ' (software)' : ''}`],
    ['Driver', driver],
    ['Backend', backend],
    ['Machine', machine],
    ...Object.entries(versions),
    ['Seed', String(seed)],
  ];
  return html`<h3>Environment</h3><dl>${
    facts.map(([term, value]) => html`<dt>${term}</dt><dd>${name(value)}</dd>`)
  }</dl>`;
}

const total = (timings: readonly Timing[]) => timings.reduce((sum, { seconds }) => sum + seconds, 0);

function times(timings: readonly Timing[]): Html {
  const longest = Math.max(...timings.map(({ seconds }) => seconds));
  const rows = timings.map(({ name: part, seconds }) =>
    html`<tr><td>${part}</td><td><div class="bar" style="width:${length(seconds / longest)}"></div></td><td>${
      duration(seconds)
    }</td></tr>`
  );
  return html`<h3>Time</h3><table class="times">${rows}<tr><td>In all</td><td></td><td>${
    duration(total(timings))
  }</td></tr></table>`;
}
