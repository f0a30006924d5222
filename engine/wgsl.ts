/** WGSL texts as parts of a program: read, put behind one another, and read back for their bindings. */
import { readText } from '#read_text';
import type { FloatType } from './dtype.ts';
import { KernelSourceError } from './errors.ts';

/** A WGSL file as a person wrote it. `file` is what errors name, e.g. `gelu/gelu.wgsl`. */
export interface Source {
  readonly file: string;
  readonly text: string;
  /** Set where a context has another text in its place: the file as it was written. */
  readonly written?: Source;
}

/** The files of some parts, for errors: those that were edited, if any were, because the others worked before. */
export function filesOf(parts: readonly Source[]): string {
  const edited = parts.filter(({ written }) => written !== undefined);
  return [...new Set((edited.length > 0 ? edited : parts).map(({ file }) => file))].join(', ');
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

/** Unfolds the grid that a launch folded: part of every kernel. */
export const grid = await part(import.meta.url, './grid.wgsl');

/** A resource that the program declares: `@group(0) @binding(index) var<...> name`, or a storage texture. */
export interface Binding {
  readonly name: string;
  readonly index: number;
  readonly kind: 'read' | 'read_write' | 'uniform' | 'texture_read' | 'texture_write';
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
  /** What to name where no line can be told. */
  readonly files: string;
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
 * Links `parts` behind a prelude of extensions, the storage types and sizes.
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
  const sources: readonly Source[] = [{ file: 'prelude', text: prelude }, ...parts];
  const files = filesOf(parts);
  const entry = /@compute[^{]*?\bfn\s+(\w+)/.exec(parts.map(withoutComments).join('\n'))?.[1];
  if (entry === undefined) {
    throw new KernelSourceError(files, 'no entry point', 'one function must begin with @compute @workgroup_size(…) fn');
  }
  return {
    code: sources.map(({ text }) => text.trimEnd()).join('\n'),
    entry,
    bindings: bindingsOf(parts),
    params: fieldsOf(parts, 'Params') ?? [],
    files,
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

/**
 * The text without comments but with their line breaks, so that lines stay true. WGSL's block comments nest; one that
 * does not end would take the parts behind it with it, and is refused.
 */
function withoutComments({ file, text }: Source): string {
  let code = '';
  let depth = 0;
  let begin = 0;
  for (let i = 0; i < text.length; i++) {
    const two = text.slice(i, i + 2);
    if (depth === 0 && two === '//') {
      const end = text.indexOf('\n', i);
      i = (end < 0 ? text.length : end) - 1;
    } else if (two === '/*') {
      if (depth++ === 0) begin = i;
      i++;
    } else if (depth > 0 && two === '*/') {
      depth--;
      i++;
    } else if (depth === 0 || text[i] === '\n') {
      code += text[i];
    }
  }
  if (depth === 0) return code;
  const before = text.slice(0, begin).split('\n');
  throw new KernelSourceError(`${file}:${before.length}:${before[before.length - 1].length + 1}`,
    'this comment does not end', 'close it: */');
}

/** The resources that parts declare, whatever the storage types are. */
export function bindingsOf(parts: readonly Source[]): Binding[] {
  const code = parts.map(withoutComments).join('\n');
  const aliases = new Map(
    [...code.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g)].map(([, alias, type]) => [alias, type]),
  );
  const scalarOf = (type: string, around: readonly string[] = []): string => {
    const name = /(?:array<\s*)?(?:atomic<\s*|vec[234]<\s*)?(\w+)/.exec(type)?.[1];
    if (name === undefined || around.includes(name)) return type; // no type: what compiles it says so
    const within = [...around, name];
    const target = aliases.get(name);
    if (target !== undefined) return scalarOf(target, within);
    const scalars = [...new Set(declaredIn(code, name)?.map((field) => scalarOf(field.type, within)))];
    return scalars.length === 0 ? name : scalars.length === 1 ? scalars[0] : 'u32';
  };
  const pattern =
    /@group\(0\)\s*@binding\((\d+)\)\s*var(?:<\s*(uniform|storage)\s*(?:,\s*(read_write|read))?\s*>)?\s*(\w+)\s*:\s*([^;]+);/g;
  return [...code.matchAll(pattern)].map(([, index, space, access = 'read', name, type]) => ({
    name,
    index: Number(index),
    kind: space === 'uniform' ? 'uniform' : space === 'storage' ? (access as 'read' | 'read_write') : textureKind(type),
    type: type.trim(),
    element: space === undefined ? 'f32' : scalarOf(type),
  }));
}

const textureKind = (type: string) => (/,\s*write\s*>/.test(type) ? 'texture_write' : 'texture_read');

/**
 * Names that a launch may use for some parts, linked in whatever way: of bindings, of fields of `struct Params`, and of
 * constants, which may be any word.
 */
export function namesOf(
  parts: readonly Source[],
): Readonly<Record<'tensors' | 'params' | 'constants', ReadonlySet<string>>> {
  const texts = parts.map(withoutComments);
  return {
    tensors: new Set(bindingsOf(parts).flatMap(({ kind, name }) => (kind === 'uniform' ? [] : [name]))),
    params: new Set(texts.flatMap((text) => declaredIn(text, 'Params')?.map(({ name }) => name) ?? [])),
    constants: new Set(texts.flatMap((text) => text.match(/\b[A-Z][A-Z0-9_]*\b/g) ?? [])),
  };
}

/** The fields of a struct that one of some parts declares, in their order; undefined if none does. */
export function fieldsOf(parts: readonly Source[], struct: string): Field[] | undefined {
  for (const part of parts) {
    const declared = declaredIn(withoutComments(part), struct);
    if (declared === undefined) continue;
    return declared.map(({ name, type }) => {
      if (type === 'u32' || type === 'i32' || type === 'f32') return { name, type };
      throw new KernelSourceError(part.file, `struct ${struct}: "${name}: ${type}" is not a 32-bit scalar`,
        'make each field u32, i32 or f32');
    });
  }
  return undefined;
}

function declaredIn(code: string, struct: string): { readonly name: string; readonly type: string }[] | undefined {
  const body = new RegExp(`\\bstruct\\s+${struct}\\s*\\{([^}]*)\\}`).exec(code)?.[1];
  const fields = body?.matchAll(/(\w+)\s*:\s*(\w+(?:<[^>]*>)?)\s*(?:,|$)/g);
  return fields && Array.from(fields, ([, name, type]) => ({ name, type }));
}
