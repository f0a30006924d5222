/** Pages that people wrote as Markdown, as HTML of the site. */
import { posix } from 'node:path';
import { Marked, type Token, type Tokens } from 'marked';
import { Html, html } from '../../train/report/html.ts';
import { coloured } from '../wgsl/coloured.ts';

/** What a page of Markdown needs of the site. */
export interface Surroundings {
  /** Of the Markdown, from the root of the project. */
  readonly path: string;
  /**
   * The address of another file of the project, as the page is to link it.
   *
   * @param anchor begins with `#`, or is empty
   */
  link(path: string, anchor: string): string;
}

/** A part of a page, from one heading of the second level to the next. */
export interface Section {
  /** Empty for what stands before the first heading of the second level. */
  readonly heading: string;
  readonly id: string;
  readonly body: Html;
}

/** A page of Markdown, taken apart. */
export interface Document {
  /** Its heading of the first level, as text. */
  readonly title: string;
  /** Its first paragraph, as text. */
  readonly lead: string;
  readonly sections: readonly Section[];
}

/** The anchor of a heading, as GitHub makes it. */
export function slug(heading: string): string {
  return heading.toLowerCase().replace(/<[^>]*>|[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');
}

const plain = (text: string) =>
  text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[*`]/g, '').replace(/\s+/g, ' ').trim();

/** @throws Error where it links a file that is not there: `link` says so */
export function documentOf(text: string, surroundings: Surroundings): Document {
  const marked = new Marked({ gfm: true, renderer: rendererOf(surroundings) });
  const tokens = marked.lexer(text);
  const title = tokens.find((token): token is Tokens.Heading => token.type === 'heading' && token.depth === 1);
  const first = tokens.find((token): token is Tokens.Paragraph => token.type === 'paragraph');
  const sections: { heading: string; tokens: Token[] }[] = [{ heading: '', tokens: [] }];
  let depth = 1;
  for (const token of tokens) {
    if (token === title) continue;
    if (token.type === 'heading') {
      const heading = token as Tokens.Heading;
      // a level that is left out would be missing from the outline that a screen reader gives
      depth = heading.depth = Math.min(heading.depth, depth + 1);
      if (depth === 2) {
        sections.push({ heading: heading.text, tokens: [] });
        continue;
      }
    }
    sections.at(-1)?.tokens.push(token);
  }
  return {
    title: plain(title?.text ?? surroundings.path),
    lead: plain(first?.text ?? ''),
    sections: sections.map(({ heading, tokens }) => ({ heading: plain(heading), id: slug(plain(heading)),
      body: new Html(marked.parser(tokens)) })
    ),
  };
}

function rendererOf({ path, link }: Surroundings) {
  const folder = posix.dirname(path);
  const address = (href: string): string => {
    if (/^[a-z]+:/i.test(href) || href.startsWith('#')) return href;
    const [file, anchor] = href.split('#');
    return link(posix.normalize(posix.join(folder, decodeURI(file))), anchor === undefined ? '' : `#${anchor}`);
  };
  return {
    heading(this: { parser: { parseInline(tokens: Tokens.Heading['tokens']): string } },
      { depth, text, tokens }: Tokens.Heading): string {
      return `<h${depth} id="${slug(plain(text))}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    link(this: { parser: { parseInline(tokens: Tokens.Link['tokens']): string } },
      { href, tokens }: Tokens.Link): string {
      return html`<a href="${address(href)}">${new Html(this.parser.parseInline(tokens))}</a>`.text;
    },
    image: ({ href, text }: Tokens.Image): string =>
      html`<img src="${address(href)}" alt="${text}" loading="lazy">`.text,
    code: ({ text, lang = '' }: Tokens.Code): string =>
      html`<pre tabindex="0" role="group" aria-label="${lang === '' ? 'text' : lang}"><code>${new Html(
        coloured(text, `.${lang}`),
      )}</code></pre>\n`.text,
    /** A wide table scrolls by itself, by keys as well. */
    table(this: { parser: { parseInline(tokens: Tokens.TableCell['tokens']): string } },
      { header, rows, align }: Tokens.Table): string {
      const cells = (row: readonly Tokens.TableCell[], tag: string) =>
        row.map(({ tokens }, i) => {
          const style = align[i] === null ? '' : ` class="${align[i]}"`;
          if (tag === 'td' || tokens.length === 0) return `<td${style}>${this.parser.parseInline(tokens)}</td>`;
          return `<th${style} scope="col">${this.parser.parseInline(tokens)}</th>`;
        }).join('');
      return html`<div class="wide" tabindex="0" role="group" aria-label="table: ${
        plain(header.map(({ text }) => text).filter((text) => text !== '').join(', '))
      }"><table><thead><tr>${new Html(cells(header, 'th'))}</tr></thead><tbody>${new Html(
        rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n'),
      )}</tbody></table></div>\n`.text;
    },
    /** Nobody ticks it on a page, so it is no field of a form. */
    checkbox: ({ checked }: Tokens.Checkbox): string => (checked ? '☑ ' : '☐ '),
    /** Marks for programs, as `<!-- measured -->`. */
    html: () => '',
  };
}
