/** TypeScript as tokens, for colours: as much of the language as that takes. */
import type { Kind, Token } from './tokens.ts';

const KEYWORDS = new Set(`
  abstract as asserts async await break case catch class const continue debugger declare default delete do else enum
  export extends false finally for from function get if implements import in infer instanceof interface is keyof let
  namespace new null of override private protected public readonly return satisfies set static super switch this throw
  true try type typeof undefined unique using var void while with yield`.trim().split(/\s+/));

const TYPES = new Set(['any', 'bigint', 'boolean', 'never', 'number', 'object', 'string', 'symbol', 'unknown']);

/** Keywords behind which a name is declared. */
const DECLARING = new Set(['class', 'const', 'enum', 'function', 'interface', 'namespace', 'type']);

const PATTERNS: readonly (readonly [Kind, RegExp])[] = [
  ['space', /\s+/y],
  ['comment', /\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?(?:\*\/|$)/y],
  ['string', /'(?:\\[^]|[^'\\\n])*'?|"(?:\\[^]|[^"\\\n])*"?/y],
  ['name', /[\p{ID_Start}_$#][\p{ID_Continue}$\u200c\u200d]*/uy],
  ['attribute', /@[\p{ID_Start}_$][\p{ID_Continue}$]*/uy],
  ['number', /0[xXbBoO][\da-fA-F_]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?n?/y],
  ['sign', /=>|[^]/uy],
];

const EXPRESSION = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;

/** The tokens of a text; put together they are the text. A template is one, with all that is put into it. */
export function typescriptTokens(text: string): Token[] {
  const found: Token[] = [];
  let last = '';
  for (let at = 0; at < text.length; at += found[found.length - 1].text.length) {
    const token = next(text, at, last);
    found.push(token.kind === 'name' ? { kind: kindOf(token.text, last), text: token.text } : token);
    if (token.kind !== 'space' && token.kind !== 'comment') last = token.text;
  }
  return found;
}

function next(text: string, at: number, last: string): Token {
  if (text[at] === '`') return { kind: 'string', text: text.slice(at, endOfTemplate(text, at + 1)) };
  // behind a value a slash divides
  const isValue = /[\w$)\]}'"`]$/.test(last) && !KEYWORDS.has(last);
  for (const [kind, pattern] of isValue ? PATTERNS : [['string', EXPRESSION] as const, ...PATTERNS]) {
    pattern.lastIndex = at;
    const [word] = pattern.exec(text) ?? [];
    if (word !== undefined) return { kind, text: word };
  }
  throw new RangeError(`no token begins at ${at} of ${text.length}`);
}

/** Behind the backtick that ends a template; in what is put into it may be others. */
function endOfTemplate(text: string, start: number): number {
  for (let at = start, depth = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`' && depth === 0) return at + 1;
    else if (text[at] === '`') at = endOfTemplate(text, at + 1) - 1;
    else if (depth > 0 && text[at] === '}') depth--;
    else if (text[at] === '{' && (depth > 0 || text[at - 1] === '$')) depth++;
  }
  return text.length;
}

function kindOf(word: string, last: string): Kind {
  if (last === '.') return 'name';
  if (KEYWORDS.has(word)) return 'keyword';
  if (DECLARING.has(last)) return 'declared';
  return TYPES.has(word) || /^\p{Lu}[\p{L}\d]*\p{Ll}/u.test(word) ? 'type' : 'name';
}
