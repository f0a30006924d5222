/** How lines end, and how long they are. */
import { parseSync, Visitor } from 'rolldown/utils';
import { filesOf, textOf } from './files.ts';

const MOST_COLUMNS = 120;

/** What is wrong with the lines of a text, one line each. */
export function lineProblems(path: string, text: string): string[] {
  const lines = text.split('\n');
  const problems = lines.flatMap((line, i) => [
    ...(/[ \t]$/.test(line) ? [`${path}:${i + 1}: spaces at the end`] : []),
    ...(line.includes('\t') ? [`${path}:${i + 1}: a tab`] : []),
    ...(line.endsWith('\r') ? [`${path}:${i + 1}: a carriage return`] : []),
  ]);
  if (text !== '' && (!text.endsWith('\n') || text.endsWith('\n\n'))) {
    problems.push(`${path}:${lines.length}: the file must end with one line break`);
  }
  return problems;
}

/**
 * Lines of code over 120 columns. Texts in quotes are not counted: a sentence that a person may search for, the name of
 * a test or a message, stays in one piece. Nor are the links of comments.
 */
export function longLines(path: string, text: string): string[] {
  const isLong = (line: string) => [...line].length > MOST_COLUMNS;
  if (!text.split('\n').some(isLong)) return [];
  const counted = (path.endsWith('.wgsl') ? text : withoutQuoted(path, text)).replace(/https?:\/\/\S+/g, '');
  return counted.split('\n').flatMap((line, i) =>
    isLong(line) ? [`${path}:${i + 1}: longer than ${MOST_COLUMNS} columns`] : []
  );
}

/** A program with nothing in its quotes, on the same lines. */
function withoutQuoted(path: string, text: string): string {
  const spans: { readonly start: number; readonly end: number }[] = [];
  new Visitor({
    Literal: (node) => {
      if (typeof node.value === 'string' || 'regex' in node) spans.push(node);
    },
    TemplateElement: (node) => void spans.push(node),
  }).visit(parseSync(path, text).program);
  let counted = text;
  // from the end, so that places stay true; a literal type is visited twice
  for (const { start, end } of spans.sort((a, b) => b.start - a.start)) {
    counted = counted.slice(0, start) + text.slice(start, end).replace(/[^\n]+/g, '') + counted.slice(end);
  }
  return counted;
}

/** All that is wrong with lines of programs, WGSL and pages; two spaces at the end of a page's line break it. */
export function wrongLines(): string[] {
  return [
    ...filesOf(['.ts', '.mts', '.mjs', '.wgsl']).flatMap((path) => {
      const text = textOf(path);
      return [...lineProblems(path, text), ...longLines(path, text)];
    }),
    ...filesOf(['.md', '.css', '.html', '.json']).filter((path) => !path.startsWith('bench/results/')).flatMap((path) =>
      lineProblems(path, textOf(path)).filter((problem) =>
        !path.endsWith('.md') || !problem.endsWith('spaces at the end')
      )
    ),
  ];
}
