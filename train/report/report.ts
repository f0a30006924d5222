import { duration } from '../log/progress.ts';
import { compactConfusionChart, confusionChart, learningRateChart, lossChart, seriesColour } from './charts.ts';
import { type ClipPrediction, type Environment, type Headline, isMet, type ReportData, type Stage,
  type Timing } from './data.ts';
import { stripUri } from './film.ts';
import { Html, html } from './html.ts';
import { STYLE } from './style.ts';

/** Predictions shown for a clip. */
const GUESSES = 3;

/**
 * The report as one HTML file that loads nothing: charts are SVG, frames are PNG within the page, there is no script.
 */
export function renderReport(data: ReportData): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${data.title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
${head(data)}
<section>
<h2>Results</h2>
<p class="hint">Each bar runs from 0 to 100 %. A solid mark is the target or the ceiling, a dotted one is what guessing would reach.</p>
<div class="grid">${data.headlines.map(headline)}</div>
</section>
<section>
<h2>What it sees</h2>
<p class="hint">Test clips, the frames the model was given in their order, and its three most probable names. The right name is green.</p>
<div class="grid">${data.clips.map(clip)}</div>
</section>
<section>
<h2>Learning</h2>
<p class="hint">Thin lines are the loss as logged (means of a few steps where there are many), thick ones an average over neighbours.</p>
<div class="grid">${data.stages.map(stage)}</div>
</section>
<section>
<h2>Confusions</h2>
<p class="hint">Rows are the truth, columns the prediction. Green is right, red is wrong; the fuller the colour, the larger the share of the row.</p>
<div class="grid">
<figure class="card"><figcaption>Motions, with the number of clips</figcaption>${new Html(
    confusionChart(data.motions),
  )}</figure>
<figure class="card"><figcaption>All ${data.classes.labels.length} names, ordered by group</figcaption>${new Html(
    compactConfusionChart(data.classes),
  )}</figure>
</div>
</section>
<section>
<h2>How it was made</h2>
<div class="grid">
<div class="card">${environment(data.environment, data.seed)}</div>
<div class="card">${times(data.timings)}</div>
</div>
<details class="card"><summary>Configuration</summary><pre>${data.config}</pre></details>
</section>
</main>
</body>
</html>
`.text;
}

/** "50 %", never broken over two lines. */
const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
/** A share as a CSS length, kept on its scale. */
const length = (share: number) => `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;

function head({ title, summary, headlines, environment: { adapter }, timings, finishedAt, seed }: ReportData): Html {
  const met = headlines.filter(isMet).length;
  const all = met === headlines.length;
  const verdict = all ? `All ${met} goals met` : `${met} of ${headlines.length} goals met`;
  return html`<header>
<div class="verdict${all ? '' : ' missed'}"><span aria-hidden="true">${all ? '✓' : '✗'}</span>${verdict}</div>
<h1>${title}</h1>
<p class="lead">${summary}</p>
<div class="facts"><span>${new Date(finishedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC</span><span>${
    duration(total(timings))
  } in all</span><span>${adapter}</span><span>seed ${seed}</span></div>
</header>`;
}

function headline({ system, measure, value, clips, goal, chance, meaning, ...rest }: Headline): Html {
  const met = isMet({ value, goal, ...rest });
  const margin = goal.margin === undefined ? '' : ` (sampling: + ${percent(goal.margin, 1)})`;
  const name = goal.kind === 'at least' ? 'target' : 'ceiling';
  const mark = (share: number, text: string, kind: string) =>
    html`<div class="mark ${kind}${share < 0.6 ? ' to-right' : ''}" style="left:${
      length(share)
    }"><span>${text}</span></div>`;
  const beyond = goal.kind === 'at most'
    ? html`<div class="beyond" style="left:${length(goal.value)};right:0"></div>`
    : html``;
  return html`<article class="card headline">
<h3>${system}</h3>
<div class="measure">${measure}</div>
<div class="number">${(100 * value).toFixed(1)}<small>%</small></div>
<div class="scale" role="img" aria-label="${percent(value, 1)}, ${name} ${percent(goal.value)}, chance ${
    percent(chance, 1)
  }">${beyond}<div class="fill" style="width:${length(value)}"></div>${
    mark(goal.value, `${name} ${percent(goal.value)}`, '')
  }${mark(chance, `chance ${percent(chance, chance < 0.1 ? 1 : 0)}`, 'chance')}</div>
<p class="status"><b class="${met ? 'met' : 'missed'}">${met ? '✓ met' : '✗ missed'}</b>: ${goal.kind} ${
    percent(goal.value)
  }${margin}, on ${clips.toLocaleString('en-US')} clips. ${meaning}</p>
</article>`;
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
    return html`<li${new Html(right ? ' class="right"' : '')} style="--share:${length(probability)}"><span>${guess}${
      right ? '\u00a0✓' : ''
    }</span><span class="share">${percent(probability, 1)}</span></li>`;
  });
  return html`<article class="card clip" style="${vars}">
<div class="moving"></div>
<div><h3>${label}</h3>${
    unseen ? html`<span class="tag">never seen together in training</span> ` : html``
  }<span class="file">${file}</span>
<ol class="guesses">${guesses}</ol></div>
<div class="strip" role="img" aria-label="${count} frames of ${label}">${
    Array.from({ length: count }, (_, frame) => html`<i style="--at:${place(frame)}"></i>`)
  }</div>
</article>`;
}

function stage(each: Stage): Html {
  const legend = each.curves.map(({ system }, index) =>
    html`<span><i style="background:${seriesColour(index)}"></i>${system}</span>`
  );
  return html`<figure class="card"><h3>${each.title}</h3><div class="legend">${legend}</div>${new Html(
    lossChart(each),
  )}${new Html(learningRateChart(each))}</figure>`;
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
  return html`<h3>Environment</h3><dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

const total = (timings: readonly Timing[]) => timings.reduce((sum, { seconds }) => sum + seconds, 0);

function times(timings: readonly Timing[]): Html {
  const longest = Math.max(...timings.map(({ seconds }) => seconds));
  const rows = timings.map(({ name, seconds }) =>
    html`<tr><td>${name}</td><td><div class="bar" style="width:${length(seconds / longest)}"></div></td><td>${
      duration(seconds)
    }</td></tr>`
  );
  return html`<h3>Time</h3><table class="times">${rows}<tr><td>In all</td><td></td><td>${
    duration(total(timings))
  }</td></tr></table>`;
}
