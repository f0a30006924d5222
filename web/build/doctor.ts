import { html } from '../../train/report/html.ts';
import type { Script } from './bundle.ts';
import { NEEDS_SCRIPT, type Page } from './shell.ts';

/** What a browser and its adapter can do, found out there. */
export function doctorPage(script: Script): Page {
  return {
    path: 'doctor.html', title: 'Doctor', script: script.file, preloads: script.imports,
    description: 'What this browser and its adapter can do of what Firstlight uses, and a proof of every kernel on it.',
    body: html`<h1>Doctor</h1>
<p class="lead">What this browser and its adapter can do of what Firstlight uses, and a proof of every kernel on it. Nothing leaves this page.</p>
${NEEDS_SCRIPT}<div id="doctor" aria-live="polite"></div>`,
  };
}
