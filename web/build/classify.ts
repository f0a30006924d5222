import { html } from '../../train/report/html.ts';
import type { Script } from './bundle.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

/** Hugging Face: its pages, and the storages that they send readers on to. */
const HOSTS = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];
const LABELS = ['juggling', 'surfing', 'playing the cello', 'a dog catching a frisbee', 'brushing teeth'];

const LEAD = 'A video or a camera, named by X-CLIP on the GPU of this machine. What you show it never leaves it.';

/** Classification, with a checkpoint of the person's choice. What it is about can be read anywhere. */
export function classifyPage(script: Script, link: (path: string) => string): Page {
  return {
    path: 'classify.html',
    title: 'Classify',
    description: LEAD,
    script: script.file,
    preloads: script.imports,
    hosts: HOSTS,
    body: html`<h1>Classify</h1>
<p class="lead">${LEAD}</p>
${NEEDS_SCRIPT}<section id="about"><h2>What happens</h2>
<p>A model compares a clip with texts: the labels are words of your own, and none needs to be among those that it was trained on. It is the model that <a href="${
      link('train/README.md')
    }"><code>firstlight predict</code></a> runs, by the same code, and it says the same.</p>
<p><b>Nothing is uploaded.</b> Checkpoints, videos and labels stay in this browser. Over the network come the files of a checkpoint, if you name one of Hugging Face; the policy of this page lets it
read from nowhere else.</p></section>
<div id="faults"></div>
<div id="classify" hidden data-hub="${HOSTS[0]}">
<section id="model"><h2>1. A model</h2><div class="panel"></div></section>
<section id="labels"><h2>2. Labels</h2>
<label for="words">One a line. They are ranked as you type.</label>
<textarea id="words" rows="6" spellcheck="false" autocomplete="off">
${LABELS.join('\n')}</textarea>
<p class="hint" id="words-hint" role="status"></p></section>
<section id="clip"><h2>3. A clip</h2><div class="panel"></div></section>
<section id="answer" aria-live="polite"><h2>What it is taken for</h2><div class="panel"></div></section>
</div>`,
  };
}
