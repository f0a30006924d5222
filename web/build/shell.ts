/** What all pages of the site have around what they show. */
import { Html, html } from '../../train/report/html.ts';
import { wayTo } from './places.ts';

export interface Page {
  /** From the root of the site. */
  readonly path: string;
  readonly title: string;
  /** A sentence, for search engines and previews of links. */
  readonly description: string;
  readonly body: Html;
  /** What it runs, if it runs anything: a module, from the root of the site. */
  readonly script?: string;
  /** Modules that the script imports at once. */
  readonly preloads?: readonly string[];
  /** Other hosts that it reads from; none if omitted. */
  readonly hosts?: readonly string[];
}

/**
 * Nothing comes from elsewhere, and nothing is made into code. The editor and Plot write style elements; without them
 * the editor falls apart.
 */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
  + "base-uri 'none'; form-action 'none'";

/**
 * The policy of a page. A worker from an address has that address's own policy, and a static file has none; one from a
 * blob has that of its page, so the worker of a page that reads from elsewhere is made of one.
 */
const policyOf = (hosts: readonly string[] | undefined) =>
  hosts === undefined
    ? `${POLICY}; worker-src 'self'`
    : `${POLICY}; worker-src 'self' blob:; connect-src ${hosts.join(' ')}`;

const LINKS = [['index.html', 'Firstlight'], ['kernels/index.html', 'Kernels'], ['train.html', 'Train'], [
  'classify.html',
  'Classify',
], ['doctor.html', 'Doctor'], [
  'api/index.html',
  'API',
], ['docs/readme.html', 'Readme']] as const;

/** A whole page. @param style the style sheet, from the root of the site */
export function wholePage({ path, title, description, body, script, preloads = [], hosts }: Page,
  style: string): string {
  const to = (target: string) => wayTo(path, target);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(policyOf(hosts))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title === 'Firstlight' ? title : `${title} · Firstlight`}</title>
<meta name="description" content="${description}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${to(style)}">
${preloads.map((module) => html`<link rel="modulepreload" href="${to(module)}">\n`)}${
    script === undefined ? html`` : html`<script type="module" src="${to(script)}"></script>`
  }
</head>
<body>
<a class="skip" href="#content">To the content</a>
<nav class="site" aria-label="site">${
    LINKS.map(([target, name]) =>
      html`<a href="${to(target)}"${new Html(target === path ? ' aria-current="page"' : '')}>${name}</a>`
    )
  }</nav>
<main id="content">
${body}
</main>
</body>
</html>
`.text;
}

/** Stands where a page runs kernels, until its script takes it away. */
export const NEEDS_SCRIPT =
  html`<p class="needs-script note">What is read here can be read anywhere. To run and edit kernels this page needs JavaScript, and a server:
a page that is opened as a file may load no modules. In a clone, <code>npm run site -- --serve</code> serves it.</p>`;
