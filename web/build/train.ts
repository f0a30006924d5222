import { html } from '../../train/report/html.ts';
import type { Lesson, LessonPlan } from '../training/lesson.ts';
import type { Script } from './bundle.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

/** What a person may choose, in the order in which it is asked, with the least and the most of it. */
const NUMBERS:
  readonly (readonly [key: Exclude<keyof LessonPlan, 'precision'>, label: string, least: number, most: number])[] = [
    ['seed', 'seed', 0, 2 ** 32 - 1],
    ['clipSteps', 'steps of stage 1, pictures', 1, 100_000],
    ['videoSteps', 'steps of stage 2, clips', 1, 100_000],
    ['pictures', 'pictures of a step', 2, 512],
    ['clips', 'clips of a step', 1, 256],
    ['testClips', 'clips to measure on', 1, 5000],
    ['measureEvery', 'measured every … steps', 1, 100_000],
    ['saveEvery', 'kept every … steps', 1, 100_000],
  ];

const LEAD = 'A tiny X-CLIP learns to see motion on the GPU of this machine, from nothing, in front of your eyes.';

/** Training, live. What it is about can be read anywhere. */
export function trainPage({ full, short }: Pick<Lesson, 'full' | 'short'>, script: Script,
  link: (path: string) => string): Page {
  return {
    path: 'train.html',
    title: 'Train',
    description: LEAD,
    script: script.file,
    preloads: script.imports,
    body: html`<h1>Train</h1>
<p class="lead">${LEAD} Its clips are drawn when a step asks for them. Nothing is loaded, and nothing leaves this page.</p>
${NEEDS_SCRIPT}<section id="about"><h2>What it learns</h2>
<p>Small shapes move: “a red square moving left”. Each motion runs forwards in one class and backwards in another, with the same frames. Whoever does not see the order of frames
is right about half of the motions at most: <b>50 %</b> is the ceiling, and what X-CLIP adds to CLIP is what passes it.</p>
<p>Stage 1 trains a CLIP on still pictures and their captions, stage 2 expands it to video. These are <a href="${
      link('train/moving_shapes')
    }">the stages of the demo</a> that <code>npm start</code> runs, by the same code; there the clips are video files.</p>
<p>What is kept in this browser can be downloaded: a zip of a folder as Hugging Face has them. <code>firstlight predict clip.mp4 --checkpoint FOLDER --labels-file
FOLDER/labels.txt</code> opens it.</p></section>
<section id="train"><h2>Here</h2>
<form id="plan" hidden data-full="${JSON.stringify(full)}" data-short="${JSON.stringify(short)}">
${
      NUMBERS.map(([key, label, least, most]) =>
        html`<label>${label} <input type="number" name="${key}" value="${
          full[key]
        }" min="${least}" max="${most}" step="1" required></label>\n`
      )
    }<label>stored as <select name="precision"><option>f32</option><option>f16</option></select></label>
</form>
<div id="panel"></div></section>`,
  };
}
