/** The page of a room, taken apart as far as tests look at it. */

/** The headings of a page, in their order. A page may leave some out. */
export const HEADINGS = [
  'What it computes',
  'Read in this order',
  'By hand',
  'The gradient, derived',
  'Symbols',
  'From variant to variant',
  'Numerics',
  'Memory and limits',
  'Try it',
  'Measured',
];
/** A sentence has fewer words. */
export const MOST_WORDS = 30;

/** The headings of the second level. */
export function headingsOf(page: string): string[] {
  return [...withoutBlocks(page).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
}

/** The text under a heading, up to the next one; empty if it is not there. */
export function sectionOf(page: string, heading: string): string {
  const lines = page.split('\n');
  const start = lines.indexOf(`## ${heading}`) + 1;
  if (start === 0) return '';
  const length = lines.slice(start).findIndex((line) => line.startsWith('## '));
  return lines.slice(start, length < 0 ? undefined : start + length).join('\n');
}

/** A program of a page, and what it says that it prints, line by line: `console.log(…); // → text`. */
export interface Program {
  readonly code: string;
  readonly prints: readonly string[];
}

/** The first program of a text. */
export function programOf(text: string): Program | undefined {
  const code = /^```ts\n(.*?)^```$/ms.exec(text)?.[1];
  return code === undefined
    ? undefined
    : { code, prints: [...code.matchAll(/\/\/ → (.*?)\s*$/gm)].map(([, line]) => line) };
}

/** Rows of the table of files: the links of the first column, and how many lines they are said to have. */
export function filesOf(
  section: string,
): readonly { readonly links: readonly string[]; readonly lines: readonly number[] }[] {
  const rows = section.split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1));
  return rows.map(([files = '', lines = '']) => ({ links: linksOf(files),
    lines: [...lines.matchAll(/\d+/g)].map(Number) })
  ).filter(({ links }) => links.length > 0);
}

/** What a text links, but other sites. */
export function linksOf(text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link);
}

/**
 * Sentences that are too long. Code, tables, headings and the targets of links are no part of a sentence; symbols and
 * numbers are no words.
 */
export function longSentences(page: string): string[] {
  const prose = withoutBlocks(page).replace(/^(\||#| {4}).*$/gm, '').replace(/^\s*([*-]|\d+\.) /gm, '\n\n').replace(
    /`[^`]*`/g,
    '`',
  ).replace(/\]\([^)]*\)/g, ']');
  const plain = prose.replace(/\b(e\.g|i\.e|et al|eqs?|algs?|secs?|figs?|cf|vs)\./gi, '$1');
  const sentences = plain.split(/\n\s*\n|(?<=[.!?][)*"”]*)\s+/).map((sentence) => sentence.replace(/\s+/g, ' ').trim());
  return sentences.filter((sentence) => wordsOf(sentence) >= MOST_WORDS);
}

/** Two letters make a word, and so do "a", "I" and a piece of code. */
function wordsOf(sentence: string): number {
  return sentence.split(' ').filter((token) => /\p{L}{2}|^[aAI]$|`/u.test(token)).length;
}

function withoutBlocks(page: string): string {
  return page.replace(/^```.*?^```$/gms, '');
}
