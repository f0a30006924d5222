import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FEATURE_USES, LIMIT_USES } from '../../engine/index.ts';
import { rooms } from '../../kernels/index.ts';
import { Html, html } from '../../train/report/html.ts';
import { CODECS } from '../doctor/codecs.ts';
import { size } from '../doctor/size.ts';
import type { Script } from './bundle.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

/**
 * What every device of WebGPU offers of a limit, which is all that kernels need, and what more of it is good for.
 */
const NEEDS: Readonly<Record<keyof typeof LIMIT_USES, { readonly least: number; readonly more: string }>> = {
  maxBufferSize: { least: 2 ** 28, more: 'larger batches' },
  maxStorageBufferBindingSize: { least: 2 ** 27, more: 'large tensors in one piece' },
  maxComputeWorkgroupStorageSize: { least: 2 ** 14, more: 'larger tiles of products and attention' },
  maxComputeInvocationsPerWorkgroup: { least: 256, more: 'larger tiles of products' },
};

/** Where the script writes what it found; without it nothing is known. */
const HERE = (name: string) => html`<td data-here="${name}">–</td>`;

/** What a browser and its adapter can do, found out there. What it is good for can be read anywhere. */
export function doctorPage(root: string, script: Script, link: (path: string) => string): Page {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    path: 'doctor.html',
    title: 'Doctor',
    script: script.file,
    preloads: script.imports,
    description: 'What this browser and its adapter can do of what Firstlight uses, and a proof of every kernel on it.',
    body: html`<div id="doctor" data-version="${version}"><h1>Doctor</h1>
<p class="lead">What this browser and its adapter can do of what Firstlight uses, and a proof of every kernel on it. Nothing leaves this page.</p>
${NEEDS_SCRIPT}<div class="card" id="proof" aria-live="polite" hidden></div>
<section id="browser"><h2>This browser</h2>
${
      table('this browser', ['', 'here', 'for'], [
        ['adapter', 'adapter', 'what runs the kernels'],
        ['kind', 'kind', 'a hardware adapter is a GPU; a software one is the processor, as right and far slower'],
        ['browser', 'browser', 'whose WebGPU it is'],
        ['origin', 'origin', 'WebGPU is offered to https:// and to localhost alone'],
        ['worker', 'worker', 'kernels run beside the page, which stays awake'],
      ].map(([name, id, use]) => html`<tr><th scope="row">${name}</th>${HERE(id)}<td>${use}</td></tr>\n`))
    }</section>
<section id="features"><h2>Features</h2>
<p>Every kernel runs without any of them; each makes some faster.</p>
${
      table('features', ['feature', 'here', 'for'], Object.entries(FEATURE_USES).map(([name, use]) =>
        html`<tr><th scope="row"><code>${name}</code></th>${HERE(name)}<td>${use}</td></tr>\n`
      ))
    }</section>
<section id="limits"><h2>Limits</h2>
${
      table('limits', ['limit', 'here', 'kernels need at most', 'is', 'more is good for'],
        Object.entries(LIMIT_USES).map(([name, { use, unit }]) => {
          const { least, more } = NEEDS[name as keyof typeof LIMIT_USES];
          const need = unit === 'bytes' ? size(least) : String(least);
          return html`<tr><th scope="row"><code>${name}</code></th>${
            HERE(name)
          }<td>${need}</td><td>${use}</td><td>${more}</td></tr>\n`;
        }))
    }</section>
<section id="media"><h2>Video and storage</h2>
<p>For training and classifying in a page; to study kernels only the last line is needed.</p>
${
      table('video and storage', ['', 'here', 'for'], [
        ...Object.entries(CODECS).map(([id, { name, codec }]) =>
          html`<tr><th scope="row">${name} <code>${codec}</code></th>${
            HERE(id)
          }<td>decoding videos frame by frame</td></tr>\n`
        ),
        ...([
          ['room', 'quota', 'checkpoints and decoded clips'],
          ['kept for good', 'persistent', 'a browser may clear what it did not promise to keep'],
          ['files', 'files', 'checkpoints, written bit by bit'],
          ['session', 'session', 'an edit outlives a reload'],
        ] as const).map(([name, id, use]) => html`<tr><th scope="row">${name}</th>${HERE(id)}<td>${use}</td></tr>\n`),
      ])
    }</section>
<section id="verify"><h2>Verify this adapter</h2>
<p>Every case of every room, in every variant that this adapter runs, forward and every gradient, against float64. On a GPU this takes a minute or two, on a software adapter many.</p>
<div class="panel"></div>
${
      table('rooms', ['room', 'cases', 'runs', 'result'], rooms.map(({ name, cases }) =>
        html`<tr data-room="${name}"><th scope="row"><a href="${
          link(`kernels/${name}/README.md`)
        }">${name}</a></th><td class="right">${cases.length}</td><td class="right" data-runs>–</td><td data-result>–</td></tr>\n`
      ))
    }</section>
<section id="report"><h2>For a bug report</h2>
<p>All of the above, as JSON: to copy into a report, or to keep.</p>
<div class="panel"></div></section></div>`,
  };
}

/** A table that scrolls by itself where it is wide, by keys as well. */
function table(label: string, head: readonly string[], rows: readonly Html[]): Html {
  return html`<div class="wide" tabindex="0" role="group" aria-label="table: ${label}"><table><thead><tr>${
    head.map((name) => (name === '' ? html`<td></td>` : html`<th scope="col">${name}</th>`))
  }</tr></thead><tbody>${rows}</tbody></table></div>`;
}
