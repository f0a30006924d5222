/**
 * Texts that sources read from files beside them, put in the place where they are read. A bundle has no files beside
 * it, and a module with an `await` at its top is more than some browsers and bundlers can take.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CALL = /await part\(import\.meta\.url,\s*'([^']+)'\)/g;
/** Any other form would be a file that is looked for when the program runs, and not there. */
const OTHER = /\bpart\(\s*import\.meta\.url/;

/** What is put in the place of a file's text. @param path of the file */
export type TextOf = (path: string) => string;

/**
 * The code of a module with `await part(import.meta.url, './x.wgsl')` replaced by what it would give. Lines stay where
 * they are.
 *
 * @param path of the module
 * @throws where a text is read in another form
 */
export function inlined(code: string, path: string, textOf: TextOf): string {
  const whole = code.replace(CALL, (_call, name: string) => {
    const source = join(dirname(path), name);
    const file = source.split(/[\\/]/).slice(-2).join('/');
    return `({ file: ${JSON.stringify(file)}, text: ${JSON.stringify(textOf(source))} })`;
  });
  const left = OTHER.exec(whole);
  if (left === null) return whole;
  const line = whole.slice(0, left.index).split('\n').length;
  throw new Error(`${path}:${line}: a text is read in a form that cannot be put in its place; ${
    "write await part(import.meta.url, './FILE')"
  }`);
}

/** A plugin for rolldown and Vite. It comes before all others: they change the quotes that it looks for. */
export function inlineTexts(textOf: TextOf = (path) => readFileSync(path, 'utf8')) {
  return {
    name: 'firstlight-texts',
    enforce: 'pre' as const,
    transform(code: string, id: string): { code: string; map: null } | undefined {
      const path = id.split('?')[0];
      if (!path.endsWith('.ts') || !code.includes('part(')) return undefined;
      return { code: inlined(code, path, textOf), map: null };
    },
  };
}
