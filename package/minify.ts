import { transformWgsl } from '@vgpu/wgsl/loader-vite';

/** What the library makes of a file: a module that holds the text as JSON. */
const TEXT = /\bwgsl: ("(?:[^"\\]|\\.)*")/;

/**
 * A WGSL text without comments and needless spaces, its local names shortened. Whatever other texts may use keeps its
 * name: functions, constants, structs, bindings, entry points.
 *
 * @param path names the text in errors
 */
export async function minified(text: string, path: string): Promise<string> {
  const { code } = (await transformWgsl(text, path, { minify: true })) as { readonly code: string };
  const found = TEXT.exec(code);
  if (found === null) throw new Error(`${path}: the minifier gave no text: ${code.slice(0, 80)}`);
  return JSON.parse(found[1]) as string;
}
