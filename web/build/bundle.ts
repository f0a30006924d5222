/** The scripts of the site, built by Vite. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { inlineTexts } from '../../package/inline.ts';
import { minified } from '../../package/minify.ts';
import type { Lesson } from '../training/lesson.ts';
import { lessonModule } from './lesson.ts';
import { mergesModule } from './merges.ts';
import { roomsModule } from './rooms.ts';

/** A script of a page, and the modules that come with it before anything else. */
export interface Script {
  /** From the root of the site. */
  readonly file: string;
  readonly imports: readonly string[];
}

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
}

/** The worker that nobody studies: its WGSL comes without comments, every word on the line where it was written. */
const TRAINS = 'web/training/worker.ts';

/** WGSL for the scripts that are built by this instance of the plugin: each worker has one of its own. */
function textsOfWorkers() {
  let isSmall = false;
  const written = (path: string) => readFileSync(path, 'utf8');
  return {
    ...inlineTexts((path) => (isSmall && path.endsWith('.wgsl') ? minified(written(path), path) : written(path))),
    buildStart({ input }: { readonly input: string | readonly string[] | Readonly<Record<string, string>> }): void {
      isSmall = JSON.stringify(input).includes(TRAINS);
    },
  };
}

const MANIFEST = 'manifest.json';

/**
 * Builds the scripts of web/pages into a folder, and says where they are.
 *
 * @param root of the project
 * @param names of the scripts  @param lesson of the page that trains
 */
export async function bundle<N extends string>(root: string, folder: string, names: readonly N[],
  lesson: Lesson): Promise<Record<N, Script>> {
  const plugins = () => [textsOfWorkers(), roomsModule(root), lessonModule(lesson), mergesModule()];
  await build({
    root,
    configFile: false,
    base: './',
    publicDir: false,
    logLevel: 'warn',
    plugins: plugins(),
    worker: { format: 'es', plugins },
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: 'es2022',
      manifest: MANIFEST,
      // a preload that fails would be remembered, and what it is for could never be loaded again
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: Object.fromEntries(names.map((name) => [name, join(root, 'web', 'pages', `${name}.ts`)])),
      },
    },
  });
  const chunks = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Record<string, Chunk>;
  const importsOf = (chunk: Chunk): string[] =>
    (chunk.imports ?? []).flatMap((key) => [chunks[key].file, ...importsOf(chunks[key])]);
  const scriptOf = (name: N): Script => {
    const chunk = chunks[`web/pages/${name}.ts`];
    return { file: chunk.file, imports: [...new Set(importsOf(chunk))] };
  };
  return Object.fromEntries(names.map((name) => [name, scriptOf(name)])) as unknown as Record<N, Script>;
}
