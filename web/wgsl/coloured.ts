/** WGSL and TypeScript as HTML: coloured by token, each line a place that links can lead to. */
import { type Kind, type Token, tokens } from './tokens.ts';
import { typescriptTokens } from './typescript_tokens.ts';

/** The class of each kind that has a colour; the others stand as they are. The editor uses the same. */
export const COLOUR: Readonly<Partial<Record<Kind, string>>> = { comment: 'c', attribute: 'a', keyword: 'k', type: 't',
  builtin: 'b', declared: 'd', number: 'n', string: 's' };

/** What a line is called on a page: `layernorm.wgsl-12`. No line of another file is called so. */
export function lineId(file: string, line: number): string {
  return `${file}-${line}`;
}

/**
 * A text as HTML, with `<span class="k">…</span>` around what has a colour.
 *
 * @param file chooses the language by its ending
 */
export function coloured(text: string, file: string): string {
  return runsOf(text, file).map((run) => inColour(run, escaped(run.text))).join('');
}

/**
 * The same with an empty `<a id="…" class="line">` before each line, for links, and for the page's style to show its
 * number there.
 *
 * @param file names the lines, too
 */
export function colouredLines(text: string, file: string): string {
  const end = text.endsWith('\n') ? '\n' : ''; // no line begins behind it
  let line = 1;
  const anchor = () => `<a id="${escaped(lineId(file, line++))}" class="line"></a>`;
  const first = anchor();
  const body = runsOf(text.slice(0, text.length - end.length), file).map((run) =>
    inColour(run, escaped(run.text).replaceAll('\n', () => `\n${anchor()}`))
  );
  return `${first}${body.join('')}${end}`;
}

function inColour({ className }: Run, html: string): string {
  return className === undefined ? html : `<span class="${className}">${html}</span>`;
}

/** A stretch of a text in one colour; `className` is undefined where it has none. */
export interface Run {
  readonly className: string | undefined;
  readonly text: string;
}

/** The runs of a text, as long as can be: space between two of one colour belongs to both. */
export function runsOf(text: string, file: string): Run[] {
  const found: readonly Token[] = file.endsWith('.wgsl')
    ? tokens(text)
    : /\.[cm]?[jt]s$/.test(file)
    ? typescriptTokens(text)
    : [{ kind: 'name', text }];
  const runs: { className: string | undefined; text: string }[] = [];
  found.forEach(({ kind, text: part }, i) => {
    const last = runs.at(-1);
    const className = COLOUR[kind === 'space' ? (found[i + 1]?.kind ?? kind) : kind];
    if (last?.className === className && last !== undefined) last.text += part;
    else runs.push({ className: kind === 'space' ? undefined : className, text: part });
  });
  return runs;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[sign]};`);
}
