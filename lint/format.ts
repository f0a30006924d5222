/** The form of TypeScript and JavaScript: that of dprint. WGSL and pages stay as people wrote them. */
import { readFileSync } from 'node:fs';
import { createContext } from '@dprint/formatter';
import { getPath } from '@dprint/typescript';
import { filesOf, textOf } from './files.ts';

/**
 * What differs from the defaults. Lists go on in the next line, so that short properties share one; the order of
 * imports, and the line on which an operator stands, are the writer's.
 */
const RULES = {
  quoteStyle: 'preferSingle',
  preferHanging: true,
  bracePosition: 'sameLine',
  operatorPosition: 'maintain',
  'module.sortImportDeclarations': 'maintain',
  'module.sortExportDeclarations': 'maintain',
  'importDeclaration.sortNamedImports': 'maintain',
  'exportDeclaration.sortNamedExports': 'maintain',
};
/** In few texts the first line breaks make room for others. It settles after two. */
const MOST_ROUNDS = 5;

export const formattedFiles = () => filesOf(['.ts', '.mts', '.mjs']);

const context = createContext({ indentWidth: 2, lineWidth: 120, newLineKind: 'lf' });
context.addPlugin(readFileSync(getPath()), RULES);

/** A text in its form, which is its own form. @throws where the text cannot be parsed, or no form is final */
export function formatted(path: string, text: string): string {
  let before = text;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const after = context.formatText({ filePath: path, fileText: before });
    if (after === before) return after;
    before = after;
  }
  throw new Error(`${path}: the formatter writes this text differently each time; simplify its longest lines`);
}

/** Files that are not in their form, each with its first line that would change. */
export function unformatted(): string[] {
  return formattedFiles().flatMap((path) => {
    const text = textOf(path);
    const wanted = formatted(path, text);
    if (wanted === text) return [];
    const [own, other] = [text.split('\n'), wanted.split('\n')];
    return [`${path}:${own.findIndex((line, i) => line !== other[i]) + 1}: \`npm run format\` writes this differently`];
  });
}
