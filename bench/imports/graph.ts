/**
 * Who imports whom, read from the sources: every import statement counts, those of types and those inside of functions
 * too.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The parts of the house, each of which may import those before it; `bench` all of them. */
export const PARTS = ['engine', 'kernels', 'model', 'mpi', 'train', 'bench'] as const;

export interface Import {
  /** As it is written: './gpu.ts', 'node:fs'. */
  readonly target: string;
  /** Loaded when a line of code asks for it, not with the file. */
  readonly isDynamic: boolean;
  /** Gone when the program runs. */
  readonly isType: boolean;
}

/** Files by their path from the root, each with the files of the graph that it imports. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** The imports of a source text. */
export function importsOf(text: string): Import[] {
  const whole = text.matchAll(/^(?:import|export)\s+(type\s)?(?:[\w*{][^;'"`]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const inside = text.matchAll(/(typeof )?\bimport\(\s*['"]([^'"]+)['"]/g);
  return [
    ...Array.from(whole, ([, type, target]) => ({ target, isDynamic: false, isType: type !== undefined })),
    ...Array.from(inside,
      ([, type, target]) => ({ target, isDynamic: type === undefined, isType: type !== undefined })),
  ];
}

/** The file that a relative import means, as a path from the root. */
export function resolve(path: string, target: string): string {
  return normalize(join(dirname(path), target));
}

/**
 * Every source file of some folders, with what stands in it. What types say of a module beside it, in `x.d.mts`, is
 * part of `x.mjs`.
 */
export function sourcesOf(root: string, folders: readonly string[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const path = `${folder}/${name}`;
      if (path.includes('node_modules/') || !/\.(?:ts|mts|mjs)$/.test(name) || name.endsWith('.d.ts')) continue;
      const module = path.replace(/\.d\.mts$/, '.mjs');
      sources.set(module, `${sources.get(module) ?? ''}\n${readFileSync(join(root, path), 'utf8')}`);
    }
  }
  return sources;
}

/**
 * The graph of some folders of a project.
 *
 * @throws where a relative import leads to no file: then it was not read rightly, or the project is broken
 */
export function graphOf(root: string, folders: readonly string[] = PARTS): Graph {
  const sources = sourcesOf(root, folders);
  const importedBy = (path: string, text: string) => {
    const relative = importsOf(text).filter(({ target }) => target.startsWith('.')).map(({ target }) =>
      resolve(path, target)
    );
    for (const target of relative) {
      if (!existsSync(join(root, target))) throw new Error(`${path} imports ${target}, which is not there`);
    }
    return [...new Set(relative.filter((target) => sources.has(target)))];
  };
  return new Map([...sources].map(([path, text]) => [path, importedBy(path, text)]));
}

export const partOf = (path: string): string => path.split('/')[0];

/** Files of some parts, and their imports of each other. */
export function within(graph: Graph, parts: readonly string[]): Graph {
  const isIn = (path: string) => parts.includes(partOf(path));
  return new Map([...graph].filter(([path]) => isIn(path)).map(([path, targets]) => [path, targets.filter(isIn)]));
}

/**
 * Files that import each other, directly or by way of others: each circle as a sorted list. Tarjan 1972, strongly
 * connected components.
 */
export function circlesOf(graph: Graph): string[][] {
  const order = new Map<string, number>();
  const least = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    least.set(file, order.get(file) as number);
    open.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) least.set(file, Math.min(least.get(file) as number, least.get(target) as number));
    }
    if (least.get(file) !== order.get(file)) return;
    const members = open.splice(open.indexOf(file));
    if (members.length > 1 || graph.get(file)?.includes(file)) circles.push(members.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return circles.sort((a, b) => b.length - a.length || (a[0] < b[0] ? -1 : 1));
}

/** All that a file imports, and what that imports. */
export function reachedFrom(graph: Graph, file: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (path: string) => {
    for (const target of graph.get(path) ?? []) {
      if (reached.has(target)) continue;
      reached.add(target);
      visit(target);
    }
  };
  visit(file);
  return reached;
}
