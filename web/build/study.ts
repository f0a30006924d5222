/** The page of a room: what people wrote of it, its WGSL beside the gradient, and the places where its kernels run. */
import { readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import type { Room } from '../../kernels/shared/room.ts';
import { textsOf } from '../../package/texts.ts';
import { Html, html } from '../../train/report/html.ts';
import type { Built } from '../study/ladder_text.ts';
import { colouredLines } from '../wgsl/coloured.ts';
import { shippedTables, workTable } from './ladder.ts';
import { documentOf, type Section } from './markdown.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

/** A WGSL file of a room. */
interface WgslFile {
  /** From the root of the project. */
  readonly path: string;
  /** As errors name it: `gelu/gelu.wgsl`. */
  readonly file: string;
  readonly text: string;
}

/** What the page needs of the site. */
export interface StudySite {
  readonly root: string;
  readonly path: string;
  readonly script: string;
  readonly preloads: readonly string[];
  readonly built: Built;
  link(path: string, anchor: string): string;
}

/** The anchor of a WGSL file on the page of a room. */
export const anchorOf = (path: string) => `file-${path.split('/').slice(-2).join('-')}`;

/** Sections of a room's page that come before its files. */
const BEFORE = new Set(['', 'What it computes', 'Read in this order']);

/** The page of a room. */
export function studyPage(room: Room, { root, path, script, preloads, built, link }: StudySite): Page {
  const files = filesOf(root, room);
  const own = new Set(files.map((file) => file.path));
  const linkOrJump = (target: string, anchor: string) =>
    own.has(target) && anchor === '' ? `#${anchorOf(target)}` : link(target, anchor);
  const source = posix.join('kernels', room.name, 'README.md');
  const page = documentOf(readFileSync(join(root, source), 'utf8'), { path: source, link: linkOrJump });
  const [before, after] = [true, false].map((isBefore) =>
    page.sections.filter(({ heading }) => BEFORE.has(heading) === isBefore && heading !== 'Measured')
  );
  const contents = [...before.filter(({ heading }) => heading !== ''), ...HERE, ...after];
  return {
    path,
    script,
    preloads,
    title: page.title,
    description: page.lead,
    body: html`<div id="study" data-room="${room.name}" data-version="${built.version}" data-commit="${built.commit}">
<h1>${page.title}</h1>
${before.filter(({ heading }) => heading === '').map(({ body }) => body)}
<nav class="contents" aria-label="on this page">${
      contents.map(({ id, heading }) => html`<a href="#${id}">${heading}</a>`)
    }</nav>
${before.filter(({ heading }) => heading !== '').map(sectionHtml)}
${choices(room)}
<section id="files"><h2>The files</h2>
<p>As they were written; the device gets them put behind one another. <b>Edit</b> one, and on a pause in typing this page compiles it, checks it, forward and gradient, against float64,
and, only if it is right, times it against the original in turns.</p>
<div id="shared"></div>
${pairs(files).map((pair) => html`<div class="pair">${pair.map(fileHtml)}</div>\n`)}</section>
<section id="check"><h2>Check</h2>
<p>Every case of this room on this adapter, in every variant that it can run, forward and every gradient, against float64.</p>
<div class="panel"></div></section>
<section id="program"><h2>As the device gets it</h2>
<p>The linked programs of the case and variant that are chosen above, with the file and line of each line in the margin.</p>
<div class="panel"></div></section>
<section id="ladder"><h2>Ladder</h2>
<p>The sizes of models, in every variant. The variants take turns, and the roofs of this adapter, which are the most that it can do, are measured between them.</p>
<div class="panel"></div>
<h3>What each size needs</h3>
${workTable(room)}
<div id="measured"><h3>Shipped results</h3>
${shippedTables(root, room.name, linkOrJump)}</div></section>
${after.map(sectionHtml)}
</div>`,
  };
}

/** Sections that this page adds to those of the room. */
const HERE = [{ id: 'files', heading: 'The files' }, { id: 'check', heading: 'Check' }, { id: 'program',
  heading: 'As the device gets it' }, { id: 'ladder', heading: 'Ladder' }];

function sectionHtml({ id, heading, body }: Section): Html {
  return html`<section id="${id}"><h2>${heading}</h2>${body}</section>\n`;
}

/** Case, variant and storage that the files are checked in and shown for. */
function choices({ cases, workloads, kernels }: Room): Html {
  const variants = [...new Set(kernels.flatMap(({ variantNames }) => variantNames))].filter((name) => name !== 'only');
  const option = (name: string) => html`<option>${name}</option>`;
  return html`${NEEDS_SCRIPT}<form class="choices" id="choices" hidden>
<label>case <select name="case"><optgroup label="awkward sizes, of the tests">${
    cases.map(({ name }) => option(name))
  }</optgroup><optgroup label="sizes of models">${workloads.map(({ name }) => option(name))}</optgroup></select></label>
<label>variant <select name="variant"><option value="">what this adapter takes</option>${
    variants.map(option)
  }</select></label>
<label>stored as <select name="type"><option>f32</option><option>f16</option></select></label>
</form>`;
}

/** The texts of all kernels of a room; its own before those that it shares, and those in the order of its page. */
function filesOf(root: string, { name, kernels }: Room): WgslFile[] {
  const order = readFileSync(join(root, 'kernels', name, 'README.md'), 'utf8');
  const sources = new Map(kernels.flatMap((kernel) => kernel.sources).map(({ file, text }) => [file, text]));
  // the last two parts of a path are unique, which errors rely on too
  const paths = new Map(textsOf(root).map((path) => {
    const parts = relative(root, path).split(sep);
    return [parts.slice(-2).join('/'), parts.join('/')];
  }));
  const rank = ({ path }: WgslFile) => {
    const at = order.indexOf(`(${posix.relative(`kernels/${name}`, path)})`);
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  };
  const files = [...sources].map(([file, text]) => ({ file, text, path: paths.get(file) ?? file }));
  return files.sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
}

/** A kernel's text beside that of its gradient, where they are of one variant. */
function pairs(files: readonly WgslFile[]): WgslFile[][] {
  const gradients = new Map(files.map((file) => [file.path, file]));
  const gradientOf = ({ path }: WgslFile) => gradients.get(path.replace(/(\w+)((?:\.\w+)?\.wgsl)$/, '$1_grad$2'));
  const paired = new Set(files.map(gradientOf));
  return files.filter((file) => !paired.has(file)).map((file) => {
    const gradient = gradientOf(file);
    return gradient === undefined ? [file] : [file, gradient];
  });
}

function fileHtml({ path, file, text }: WgslFile): Html {
  return html`<figure class="wgsl" id="${anchorOf(path)}" data-file="${file}">
<figcaption><b>${file}</b> <span class="lines">${
    text.trimEnd().split('\n').length
  } lines</span> <span class="tools"></span></figcaption>
<pre class="file" tabindex="0" role="group" aria-label="${file}"><code>${new Html(
    colouredLines(text, file),
  )}</code></pre></figure>`;
}
