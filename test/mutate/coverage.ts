/** Which lines of which files a test runs, from what V8 counts (`NODE_V8_COVERAGE`). */
import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Lines, from 1 and rising, of files. */
export type Lines = Readonly<Record<string, readonly number[]>>;

/** What one thread of a process leaves. */
interface Report {
  readonly result: readonly Script[];
  /** How scripts came of the files that they were made from. */
  readonly 'source-map-cache'?: Readonly<Record<string, Made>>;
}

interface Script {
  readonly url: string;
  /** Outer ones first, as are ranges within them. */
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Made {
  readonly lineLengths: readonly number[];
  /** Null where the script tells none. */
  readonly data: SourceMapPayload | null;
}

/** Letters between two places of a script that are looked at: names and operators are rarely shorter. */
const STEP = 2;

/** The lines of files under `root` that ran, by the reports in a folder. */
export function linesIn(folder: string, root: string): Lines {
  const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report);
  const made = new Map(reports.flatMap((report) => Object.entries(report['source-map-cache'] ?? {})));
  const lines = new Map<string, Set<number>>();
  for (const script of reports.flatMap(({ result }) => result)) {
    const file = script.url.startsWith('file:') ? relative(root, fileURLToPath(script.url)).replaceAll(sep, '/') : '..';
    const own = made.get(script.url);
    const data = own?.data ?? undefined;
    if (own === undefined || data === undefined || file.startsWith('..') || file.startsWith('node_modules')) continue;
    const ran = lines.get(file) ?? new Set();
    for (const line of linesOf(script, own.lineLengths, new SourceMap(data))) ran.add(line);
    lines.set(file, ran);
  }
  return Object.fromEntries([...lines].map(([file, own]) => [file, [...own].sort((a, b) => a - b)]));
}

/** The lines of a file that a script ran. @param lengths letters of each line of the script */
function* linesOf({ functions }: Script, lengths: readonly number[], map: SourceMap): Generator<number> {
  const counts = new Uint8Array(lengths.reduce((sum, length) => sum + length + 1, 0));
  for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
    counts.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  let start = 0;
  for (const [line, length] of lengths.entries()) {
    for (let column = 0; column < length; column += STEP) {
      if (counts[start + column] === 0) continue;
      const origin = map.findEntry(line, column);
      if ('originalLine' in origin) yield origin.originalLine + 1;
    }
    start += length + 1;
  }
}
