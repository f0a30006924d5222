/** Pages that show a file or a folder of the project as it is. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { Html, html } from '../../train/report/html.ts';
import { colouredLines } from '../wgsl/coloured.ts';
import type { Page } from './shell.ts';
import { isFolder, placeOf } from './places.ts';

/** Files that can be read; others are named in their folder, and that is all. */
const TEXT = /\.(?:[cm]?[jt]s|wgsl|md|json|ya?ml|csv|txt|py|sh)$/;
/** Bytes; what is longer is data. */
const LONGEST = 200_000;

/** A page with the text of a file. */
export function filePage(root: string, path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  const lines = text.trimEnd().split('\n').length;
  return {
    path: placeOf(root, path),
    title: path,
    description: `${path} of Firstlight, ${lines} lines`,
    body: html`<h1 class="path">${path}</h1>
<p class="hint">${lines} lines, as they were written</p>
<pre class="file" tabindex="0" role="group" aria-label="${path}"><code>${new Html(
      colouredLines(text, path),
    )}</code></pre>`,
  };
}

/** A page that lists a folder without a page of its own. */
export function folderPage(root: string, path: string, link: (path: string) => string): Page {
  const names = readdirSync(join(root, path)).filter((name) => name !== 'node_modules' && !name.startsWith('.'));
  const entries = names.map((name) => posix.join(path, name)).sort((a, b) =>
    Number(isFolder(root, b)) - Number(isFolder(root, a)) || a.localeCompare(b)
  );
  return {
    path: placeOf(root, path),
    title: path,
    description: `the folder ${path} of Firstlight`,
    body: html`<h1 class="path">${path}</h1>
<ul class="files">${
      entries.map((entry) => {
        const name = `${posix.basename(entry)}${isFolder(root, entry) ? '/' : ''}`;
        return isReadable(root, entry)
          ? html`<li><a href="${link(entry)}">${name}</a></li>\n`
          : html`<li>${name}</li>\n`;
      })
    }</ul>`,
  };
}

function isReadable(root: string, path: string): boolean {
  return isFolder(root, path) || (TEXT.test(path) && statSync(join(root, path)).size <= LONGEST);
}
