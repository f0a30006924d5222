import { rooms } from '../../kernels/index.ts';
import { html } from '../../train/report/html.ts';
import type { Script } from './bundle.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

const LEAD =
  'Trains and runs X-CLIP, a video-recognition model, in pure TypeScript on WebGPU: a from-scratch autograd engine on hand-written WGSL kernels, the same in Node through Dawn and in a browser.';

/** What this is, and a kernel that runs on the visitor's machine at once. */
export function firstPage(script: Script, link: (path: string) => string): Page {
  return {
    path: 'index.html',
    title: 'Firstlight',
    description: LEAD,
    script: script.file,
    preloads: script.imports,
    body: html`<h1>Firstlight</h1>
<p class="lead">${LEAD} No Python, no native code of its own.</p>
${NEEDS_SCRIPT}<div class="card" id="here" aria-live="polite" hidden></div>
<section id="study"><h2>Study a kernel</h2>
<p>Each room is a kernel with its gradient: the WGSL, the formula, an example by hand. Change its text, and see at once whether it is still right, and how much faster it got, on your own GPU.</p>
<ul class="rooms">${
      rooms.map(({ name }) => html`<li><a href="${link(`kernels/${name}/README.md`)}">${name}</a></li>\n`)
    }</ul>
<p><a href="${
      link('kernels/README.md')
    }">All of them, in an order to read them</a>. <a href="train.html">Train</a> shows what they are for: a tiny X-CLIP learns in this page. <a href="doctor.html">The doctor</a> says what this browser and its adapter can do, and verifies every kernel on it.</p></section>
<section id="more"><h2>Use it</h2>
<p><a href="${
      link('README.md')
    }">The readme</a>: two commands after a clone, your own videos, your own project. <a href="api/index.html">The API</a>.
<a href="${link('CONTRIBUTING.md')}">How to contribute</a>. <a href="${
      link('LICENSE')
    }">MIT licence</a>.</p></section>`,
  };
}
