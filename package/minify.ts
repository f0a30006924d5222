import { transformWgsl } from '@vgpu/wgsl/loader-vite';

/** What the library makes of a file: a module that holds the text as JSON. */
const TEXT = /\bwgsl: ("(?:[^"\\]|\\.)*")/;

/** Spaces, a comment up to the end of its line (the house has no others), a word or a number, or another character. */
const TOKEN = /\s+|\/\/[^\n]*|[\w.]+|[^\s\w]/g;

interface Token {
  readonly text: string;
  /** What stands between it and the one before. */
  readonly before: string;
  /** From 0. */
  readonly line: number;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let [before, line] = ['', 0];
  for (const [found] of text.matchAll(TOKEN)) {
    line += found.split('\n').length - 1;
    if (/^\s|^\/\//.test(found)) {
      before += found;
      continue;
    }
    tokens.push({ text: found, before, line });
    before = '';
  }
  return tokens;
}

/**
 * A WGSL text without comments and needless spaces, its local names shortened, and every word on the line where it was
 * written: what a compiler says of a line is true of both. Whatever other texts may use keeps its name: functions,
 * constants, structs, bindings, entry points.
 *
 * @param path names the text in errors
 */
export async function minified(text: string, path: string): Promise<string> {
  const { code } = (await transformWgsl(text, path, { minify: true })) as { readonly code: string };
  const found = TEXT.exec(code);
  if (found === null) throw new Error(`${path}: the minifier gave no text: ${code.slice(0, 80)}`);
  const [written, small] = [tokensOf(text), tokensOf(JSON.parse(found[1]) as string)];
  if (written.length !== small.length) {
    throw new Error(`${path}: the minifier made ${small.length} words of ${written.length}`);
  }
  let at = 0;
  return small.map(({ text: word, before }, i) => {
    const lines = written[i].line - at;
    at = written[i].line;
    return (lines > 0 ? '\n'.repeat(lines) : before) + word;
  }).join('');
}
