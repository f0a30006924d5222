/** WGSL texts as parts of a program: read, put behind one another, and read back for their bindings. */
import { readText } from '#read_text';
import type { FloatType } from './dtype.ts';

/** A WGSL file as a person wrote it. `file` is what errors name, e.g. `gelu/gelu.wgsl`. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads the WGSL file `path`, relative to the module whose `import.meta.url` is `base`; the same in Node and in a
 * browser.
 */
export async function part(base: string, path: string): Promise<Source> {
  const url = new URL(path, base);
  const file = url.pathname.split('/').slice(-2).join('/');
  return { file, text: await readText(url) };
}

/** Unfolds the grid that a launch folded: part of every program. */
const grid = await part(import.meta.url, './grid.wgsl');

/** A resource that the program declares: `@group(0) @binding(index) var<...> name`. */
export interface Binding {
  readonly name: string;
  readonly index: number;
  readonly kind: 'read' | 'read_write' | 'uniform';
  /** As it stands in the WGSL: `array<vector>`. */
  readonly type: string;
  /**
   * Scalar type of the elements: `elem`, `result`, or, with other aliases and structs resolved, WGSL's. A struct of
   * several is words, `u32`.
   */
  readonly element: string;
}

/** A field of a struct that the host writes, such as `struct Params`: one 32-bit scalar. */
export interface Field {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

/**
 * Parts put behind one another. Declarations in WGSL may stand in any order, so this is all the linker that is needed.
 */
export interface Program {
  readonly code: string;
  readonly entry: string;
  readonly bindings: readonly Binding[];
  readonly params: readonly Field[];
  /** The file and line that a person wrote for a line of `code` (both from 1). */
  locate(line: number): string;
}

/**
 * How the program stores numbers: `elem` what it is given, and what it makes alike; `result` what may be stored in
 * another way than what it was made of, as a parameter's gradient is.
 */
export interface StorageTypes {
  readonly elem: FloatType;
  readonly result: FloatType;
}

/**
 * Links `parts` behind a prelude of extensions, the storage types and sizes, and `group_number` of grid.wgsl.
 *
 * @param constants sizes known when the pipeline is built: `HEAD_DIM: 64` becomes `const HEAD_DIM = 64u;`
 */
export function link(parts: readonly Source[], extensions: readonly string[], { elem, result }: StorageTypes,
  constants: Readonly<Record<string, number | boolean>>): Program {
  const prelude = [
    ...[...extensions, ...(elem === 'f16' || result === 'f16' ? ['f16'] : [])].map((name) => `enable ${name};`),
    `alias elem = ${elem};`,
    `alias result = ${result};`,
    ...Object.entries(constants).map(([name, value]) =>
      `const ${name} = ${typeof value === 'boolean' ? value : `${value}u`};`
    ),
  ].join('\n');
  const sources: readonly Source[] = [{ file: 'prelude', text: prelude }, grid, ...parts];
  const code = sources.map(({ text }) => text.trimEnd()).join('\n');
  const bare = withoutComments(code);
  const entry = /@compute[^{]*?\bfn\s+(\w+)/.exec(bare)?.[1];
  if (entry === undefined) throw new Error(`${parts.map((p) => p.file).join(', ')}: no @compute entry point`);
  return {
    code,
    entry,
    bindings: bindingsOf(parts),
    params: fieldsIn(bare, 'Params') ?? [],
    locate(line) {
      let first = 1;
      for (const { file, text } of sources) {
        const lines = text.trimEnd().split('\n').length;
        if (line < first + lines) return `${file}:${line - first + 1}`;
        first += lines;
      }
      return `${sources.at(-1)?.file}:end`;
    },
  };
}

/** Blanks comments but keeps line breaks, so that positions stay true. WGSL's block comments nest. */
function withoutComments(code: string): string {
  let out = '';
  let depth = 0;
  for (let i = 0; i < code.length; i++) {
    const two = code.slice(i, i + 2);
    if (depth === 0 && two === '//') {
      const end = code.indexOf('\n', i);
      i = (end < 0 ? code.length : end) - 1;
    } else if (two === '/*') {
      depth++;
      i++;
    } else if (depth > 0 && two === '*/') {
      depth--;
      i++;
    } else if (depth === 0 || code[i] === '\n') {
      out += code[i];
    }
  }
  return out;
}

/** The resources that parts declare, whatever the storage types are. */
export function bindingsOf(parts: readonly Source[]): Binding[] {
  const code = parts.map(({ text }) => withoutComments(text)).join('\n');
  const aliases = new Map(
    [...code.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g)].map(([, alias, type]) => [alias, type]),
  );
  const scalarOf = (type: string): string => {
    const name = /(?:array<\s*)?(?:atomic<\s*|vec[234]<\s*)?(\w+)/.exec(type)?.[1] ?? type;
    const target = aliases.get(name);
    if (target !== undefined) return scalarOf(target);
    const scalars = [...new Set(declaredIn(code, name)?.map((field) => scalarOf(field.type)))];
    return scalars.length === 0 ? name : scalars.length === 1 ? scalars[0] : 'u32';
  };
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(uniform|storage)\s*(?:,\s*(read_write|read))?\s*>\s*(\w+)\s*:\s*([^;]+);/g;
  return [...code.matchAll(pattern)].map(([, index, space, access, name, type]) => ({
    name,
    index: Number(index),
    kind: space === 'uniform' ? ('uniform' as const) : ((access ?? 'read') as 'read' | 'read_write'),
    type: type.trim(),
    element: scalarOf(type),
  }));
}

/**
 * Names that a launch may use for some parts, linked in whatever way: of bindings, of fields of `struct Params`, and of
 * constants, which may be any word.
 */
export function namesOf(
  parts: readonly Source[],
): Readonly<Record<'tensors' | 'params' | 'constants', ReadonlySet<string>>> {
  const texts = parts.map(({ text }) => withoutComments(text));
  return {
    tensors: new Set(bindingsOf(parts).flatMap(({ kind, name }) => (kind === 'uniform' ? [] : [name]))),
    params: new Set(texts.flatMap((text) => fieldsIn(text, 'Params')?.map(({ name }) => name) ?? [])),
    constants: new Set(texts.flatMap((text) => text.match(/\b[A-Z][A-Z0-9_]*\b/g) ?? [])),
  };
}

/** The fields of a struct that some parts declare, in their order; undefined if they do not. */
export function fieldsOf(parts: readonly Source[], struct: string): Field[] | undefined {
  return fieldsIn(parts.map(({ text }) => withoutComments(text)).join('\n'), struct);
}

function fieldsIn(code: string, struct: string): Field[] | undefined {
  return declaredIn(code, struct)?.map(({ name, type }) => {
    if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
      throw new Error(`struct ${struct}: "${name}: ${type}" is not a 32-bit scalar`);
    }
    return { name, type };
  });
}

function declaredIn(code: string, struct: string): { readonly name: string; readonly type: string }[] | undefined {
  const body = new RegExp(`\\bstruct\\s+${struct}\\s*\\{([^}]*)\\}`).exec(code)?.[1];
  const fields = body?.matchAll(/(\w+)\s*:\s*(\w+(?:<[^>]*>)?)\s*(?:,|$)/g);
  return fields && Array.from(fields, ([, name, type]) => ({ name, type }));
}
