/** YAML that a person wrote: what it says, what is wrong with it, and where each key stands. */
import { Composer, type CST, type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type Pair, Parser,
  visit, type YAMLMap } from 'yaml';
import { ConfigError } from '../../engine/errors.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';
import { shown } from '../../engine/shown.ts';

/** Letters that are read: a configuration with all its keys has a tenth. */
const MOST_LETTERS = 2 ** 16;
/** Maps and lists within each other. A configuration has three. */
const MOST_LEVELS = 64;
const MOST_ALIASES = 100;
/** Letters of a wrong line that are told. */
const LINE = 80;

export class Yaml {
  /** Plain objects, lists and scalars; an alias has become what it names. Undefined if there are problems. */
  readonly value: unknown;
  /** A line for each thing that makes the text no YAML, or none that is read. */
  readonly problems: readonly string[];
  readonly #lines = new LineCounter();
  readonly #document: Document | undefined;
  /** Of each map that was looked into. */
  readonly #pairs = new Map<YAMLMap, ReadonlyMap<string, Pair>>();

  constructor(text: string) {
    const problems: string[] = [];
    this.problems = problems;
    if (text.length > MOST_LETTERS) {
      const grouped = (count: number) => count.toLocaleString('en-US');
      problems.push(`has ${grouped(text.length)} letters, at most ${grouped(MOST_LETTERS)} are read`);
      return;
    }
    const lines = text.split('\n');
    const refuse = (offset: number, message: string) => {
      const { line } = this.#lines.linePos(offset);
      problems.push(`${this.place(offset)}: ${message}: ${shown((lines[line - 1] ?? '').trim(), LINE)}`);
    };
    this.#lines.addNewLine(0);
    const parser = new Parser(this.#lines.addNewLine);
    const tokens = parsed(text, parser);
    if (tokens === undefined) {
      refuse(parser.offset, `nested deeper than ${MOST_LEVELS} levels`);
      return;
    }
    // its own check of equal keys compares each with each
    const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false, logLevel: 'error' as const };
    const [document, another] = new Composer(options).compose(tokens, true, text.length);
    for (const { pos, message } of document.errors) refuse(pos[0], lowerFirst(message));
    if (another !== undefined) refuse(another.range[0], 'only one document is read');
    refuseRepeated(document, refuse);
    if (problems.length > 0) return;
    this.#document = document;
    this.value = document.toJS({ maxAliasCount: -1 });
  }

  /** "line 3, column 5" */
  place(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `line ${line}, column ${col}`;
  }

  /** Where a key stands in the text: the key itself, or its section if it is missing; undefined if that is, too. */
  offsetOf(at: readonly string[]): number | undefined {
    let offset: number | undefined;
    let node: unknown = this.#document?.contents;
    for (const key of at) {
      if (isAlias(node) && this.#document !== undefined) node = node.resolve(this.#document);
      if (isMap(node)) {
        const pair = this.#pairsOf(node).get(key);
        if (pair === undefined) return offset;
        offset = rangeOf(pair.key) ?? offset;
        node = pair.value;
      } else return isSeq(node) ? rangeOf(node) : offset; // a list stands for what is in it
    }
    return offset;
  }

  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map(map.items.map((pair) => [String(pair.key), pair]));
    this.#pairs.set(map, pairs);
    return pairs;
  }
}

/** The sections of a file that we wrote. @throws FileError, ConfigError */
export function readYaml(file: string): JsonObject {
  const { value, problems } = new Yaml(readRegularSync(file).toString());
  if (problems.length > 0) throw new ConfigError(file, problems);
  if (!isObject(value)) throw new ConfigError(file, ['expected sections such as "data:" and "optim:"']);
  return value;
}

/** As its messages stand behind a place. */
export const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

const rangeOf = (node: unknown) => (node as { readonly range?: readonly number[] | null } | null)?.range?.[0];

/**
 * The documents of a text; undefined where a collection lies too deep, which ends the parser before it goes on: what is
 * open costs it time for each letter more, and what makes values of tokens calls itself for each level.
 */
function parsed(text: string, parser: Parser): CST.Token[] | undefined {
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MOST_LEVELS + 2) return undefined; // a document around them, a scalar within
  }
  tokens.push(...parser.end());
  return tokens;
}

/**
 * Refuses keys that stand twice in a map or are no names, and aliases that have no meaning. What an alias names may
 * hold none: then it neither holds itself nor multiplies.
 */
function refuseRepeated(document: Document, refuse: (offset: number, message: string) => void): void {
  let aliases = 0;
  const anchors = new Set<string>();
  visit(document, {
    Value(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Map(_, map) {
      if (map.anchor !== undefined) anchors.add(map.anchor);
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key)) {
          // what makes a text of such a key calls itself for each level, and doubles the text with each
          refuse(rangeOf(key) ?? 0, 'a key must be a name, no map, list or alias');
          return visit.BREAK;
        }
        const name = String(key.value);
        if (seen.has(name)) refuse(rangeOf(key) ?? 0, 'map keys must be unique');
        seen.add(name);
      }
    },
    Alias(_, alias, path) {
      const at = rangeOf(alias) ?? 0;
      if (!anchors.has(alias.source)) refuse(at, `no &${shown(alias.source)} stands before this alias`);
      else if (path.some((outer) => 'anchor' in outer && outer.anchor !== undefined)) {
        refuse(at, 'what an alias names may hold no alias');
      } else if (++aliases > MOST_ALIASES) {
        refuse(at, `more than ${MOST_ALIASES} aliases`);
        return visit.BREAK;
      }
      return undefined;
    },
  });
}
