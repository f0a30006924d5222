/** Pages of what can be imported: each export with its signature, what its comment says, and where it is written. */
import { type Html, html } from '../../train/report/html.ts';
import { wayTo } from '../build/places.ts';
import type { Page } from '../build/shell.ts';
import { type Comment, commentOf } from './comment.ts';
import type { Entry, Item, Token } from './model.ts';

/** The link from a page to a file of the project. */
export type LinkFrom = (page: string) => (path: string) => string;

const GROUPS: readonly (readonly [heading: string, kinds: readonly string[]])[] = [['Functions', ['Function']], [
  'Classes',
  ['Class'],
], ['Interfaces', ['Interface']], ['Types', ['TypeAlias', 'Enum']], ['Constants', ['Variable']]];

/** The page of an entry, from the root of the site: api/engine.html, api/kernels/gelu.html. */
export function placeOfEntry({ specifier }: Pick<Entry, 'specifier'>): string {
  return `api/${specifier.replace(/^firstlight\/?/, '') || 'engine'}.html`;
}

/** What an item is called; API Extractor numbers a name that the language has as well. */
export const nameOf = ({ name = 'constructor' }: Item) => plainName(name);
const plainName = (name: string) => name.replace(/_\d+$/, '');

/** All pages of the interface; the first one lists the others. */
export function apiPages(linkFrom: LinkFrom, entries: readonly Entry[]): Page[] {
  const linked = linker(entries);
  return [indexPage(entries),
    ...entries.map((entry) => entryPage(entry, linkFrom(placeOfEntry(entry)), linked(entry)))];
}

/** The way to what a name means from a page: there, or else on a page that is no room's. */
function linker(entries: readonly Entry[]): (from: Entry) => (name: string) => string | undefined {
  const has = (entry: Entry, name: string) => entry.items.some((item) => nameOf(item) === name);
  const common = entries.filter(({ specifier }) => !/kernels\//.test(specifier));
  return (from) => (name) => {
    const entry = [from, ...common].find((each) => has(each, name));
    return entry && wayTo(placeOfEntry(from), `${placeOfEntry(entry)}#${name}`);
  };
}

function indexPage(entries: readonly Entry[]): Page {
  const path = 'api/index.html';
  const row = (entry: Entry) =>
    html`<tr><td><a href="${wayTo(path, placeOfEntry(entry))}"><code>${entry.specifier}</code></a></td><td>${
      entry.items.filter(({ kind }) => kind === 'Function' || kind === 'Class').map((item) =>
        html`<code>${nameOf(item)}</code> `
      )
    }</td></tr>\n`;
  return {
    path,
    title: 'API',
    description: 'All that can be imported from Firstlight, with the comments of the sources.',
    body: html`<h1>API</h1>
<p>All that can be imported, with the comments of the sources: functions and classes here, types on the pages.</p>
<div class="scroll" tabindex="0" role="region" aria-label="what can be imported"><table>
<thead><tr><th>import from</th><th>functions and classes</th></tr></thead>
<tbody>${entries.map(row)}</tbody></table></div>`,
  };
}

function entryPage(entry: Entry, link: (path: string) => string, linkTo: (name: string) => string | undefined): Page {
  const { specifier, source, items } = entry;
  const groups = GROUPS.map(([heading, kinds]) => ({ heading, own: items.filter(({ kind }) => kinds.includes(kind)) }))
    .filter(({ own }) => own.length > 0);
  const left = items.filter(({ kind }) => !GROUPS.some(([, kinds]) => kinds.includes(kind)));
  if (left.length > 0) throw new Error(`${source} exports ${left[0].kind} ${left[0].name}, which has no group`);
  const names = [...new Set(items.map(nameOf))];
  const anchors = anchorsOf(groups.flatMap(({ own }) => own));
  return {
    path: placeOfEntry(entry),
    title: specifier,
    description: `What ${specifier} exports: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' and more' : ''}.`,
    body: html`<h1><code>${specifier}</code></h1>
<p>Exported by <a href="${link(source)}"><code>${source}</code></a>.</p>
${
      groups.map(({ heading, own }) =>
        html`<section id="all-${heading.toLowerCase()}"><h2>${heading}</h2>\n${
          own.map((item) => itemPart(item, anchors.get(item) ?? '', link, linkTo))
        }</section>\n`
      )
    }`,
  };
}

/** Anchors of a page: names, and from the second of a name on a number, as a function has that is declared twice. */
function anchorsOf(items: readonly Item[]): Map<Item, string> {
  const forms = new Map<string, number>();
  return new Map(items.map((item) => {
    const name = nameOf(item);
    const form = (forms.get(name) ?? 0) + 1;
    forms.set(name, form);
    return [item, form === 1 ? name : `${name}-${form}`];
  }));
}

function itemPart(item: Item, anchor: string, link: (path: string) => string,
  linkTo: (name: string) => string | undefined): Html {
  const name = nameOf(item);
  const source = sourceOf(item);
  const members = (item.members ?? []).filter((member) => !(member.name ?? '').startsWith('['));
  return html`<article class="export" id="${anchor}">
<h3><code>${name}</code>${
    source === undefined ? '' : html` <a class="source" href="${link(source)}">${source}</a>`
  }</h3>
${signature(item, linkTo)}
${commentPart(commentOf(item.docComment))}
${
    members.length === 0 ? '' : html`<ul class="members">${
      members.map((member) =>
        html`<li>${signature(member, linkTo)}
${commentPart(commentOf(member.docComment))}</li>\n`
      )
    }</ul>`
  }
</article>
`;
}

/** The file in which it is written. */
export function sourceOf({ fileUrlPath }: Item): string | undefined {
  return fileUrlPath?.replace(/\.d\.ts$/, '.ts').replace(/\.d\.mts$/, '.mjs');
}

/** What a program sees of it, names linked to where they are explained. */
function signature({ kind, excerptTokens }: Item, linkTo: (name: string) => string | undefined): Html {
  const [first, ...others] = excerptTokens;
  const begin = { ...first,
    text: `${kind === 'Variable' ? 'const ' : ''}${first.text.replace(/^export (?:declare )?/, '')}` };
  const part = ({ kind, text, canonicalReference }: Token): Html => {
    const plain = kind === 'Reference' ? plainName(text) : text;
    const way = kind === 'Reference' && canonicalReference?.startsWith('firstlight!') ? linkTo(plain) : undefined;
    return way === undefined ? html`${plain}` : html`<a href="${way}">${plain}</a>`;
  };
  return html`<pre class="signature"><code>${[begin, ...others].map(part)}</code></pre>`;
}

function commentPart({ text, params, returns, throws }: Comment): Html {
  const rows = [
    ...params.map(({ name, text }) => html`<dt><code>${name}</code></dt><dd>${prose(text)}</dd>\n`),
    ...(returns === '' ? [] : [html`<dt>returns</dt><dd>${prose(returns)}</dd>\n`]),
    ...throws.map((each) => html`<dt>throws</dt><dd>${prose(each)}</dd>\n`),
  ];
  return html`${
    text.map((lines) => html`<p>${lines.map((line, i) => html`${i === 0 ? '' : html`<br>\n`}${prose(line)}`)}</p>\n`)
  }${rows.length === 0 ? '' : html`<dl class="parts">${rows}</dl>`}`;
}

/** Text with its code marked. */
const prose = (text: string): Html[] =>
  text.split(/(`[^`]+`)/).map((
    part,
  ) => (/^`[^`]+`$/.test(part) ? html`<code>${part.slice(1, -1)}</code>` : html`${part}`));
