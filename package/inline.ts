/**
 * Texts that sources read from files beside them, each as a module of its own. A bundle has no files beside it, and a
 * module with an `await` at its top is more than some browsers and bundlers can take. As modules, texts that many
 * kernels share are there once, and those of kernels that nobody uses are dropped.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CALL = /await part\(import\.meta\.url,\s*'([^']+)'\)/g;
/** Any other form would be a file that is looked for when the program runs, and not there. */
const OTHER = /\bpart\(\s*import\.meta\.url/;
/** Marks the imports of texts, so that no other plugin takes a file for what its name says. */
const MARK = '?part';

/** What is put in the place of a file's text. @param path of the file */
export type TextOf = (path: string) => string | Promise<string>;

/**
 * The code of a module in which each `await part(import.meta.url, './x.wgsl')` has become an import of a text. Lines
 * stay where they are: the imports stand at the end.
 *
 * @param path of the module
 * @throws where a text is read in another form
 */
export function inlined(code: string, path: string): string {
  const names: string[] = [];
  const whole = code.replace(CALL, (_call, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `part${names.indexOf(name)}`;
  });
  const left = OTHER.exec(whole);
  if (left !== null) {
    const line = whole.slice(0, left.index).split('\n').length;
    throw new Error(
      `${path}:${line}: a text is read in a form that cannot be put in its place; ${"write await part(import.meta.url, './FILE')"}`,
    );
  }
  return whole + names.map((name, i) => `import part${i} from '${name}${MARK}';\n`).join('');
}

/** The module of a text: what `part` would give. @param path of the file */
export function textModule(path: string, text: string): string {
  const file = path.split(/[\\/]/).slice(-2).join('/');
  return `export default { file: ${JSON.stringify(file)}, text: ${JSON.stringify(text)} };\n`;
}

/** A plugin for rolldown and Vite. It comes before all others: they change the quotes that it looks for. */
export function inlineTexts(textOf: TextOf = (path) => readFileSync(path, 'utf8')) {
  return {
    name: 'firstlight-texts',
    enforce: 'pre' as const,
    resolveId(target: string, importer: string | undefined): { id: string; moduleSideEffects: false } | undefined {
      if (!target.endsWith(MARK) || importer === undefined) return undefined;
      const from = dirname(importer.split('?')[0]);
      return { id: target.startsWith('.') ? join(from, target) : target, moduleSideEffects: false };
    },
    async load(id: string): Promise<{ code: string; moduleType: 'js'; map: null } | undefined> {
      if (!id.endsWith(MARK)) return undefined;
      const path = id.slice(0, -MARK.length);
      return { code: textModule(path, await textOf(path)), moduleType: 'js', map: null };
    },
    transform(code: string, id: string): { code: string; map: null } | undefined {
      const path = id.split('?')[0];
      if (!path.endsWith('.ts') || !code.includes('part(')) return undefined;
      return { code: inlined(code, path), map: null };
    },
  };
}
