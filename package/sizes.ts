/** What apps for browsers get of a built package: bundled and minified by esbuild, then gzip. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Programs that use what they import, by what they are called. */
const APPS = {
  'engine and GELU': ['engine/index: open, Tensor', 'kernels/gelu/index: gelu'],
  'engine and all rooms with cases': ['engine/index: open', 'kernels/index: rooms'],
  'engine, X-CLIP and its checkpoints': ['engine/index: open',
    'model/index: Xclip, openSafetensors, configFromHuggingFace, loadWeights'],
  'engine and all of model, tokenizer too': ['engine/index: open', 'model/index: *'],
} as const;

/** Bytes of each app. */
export async function appSizes(dist: string): Promise<readonly { readonly app: string; readonly bytes: number }[]> {
  return Promise.all(Object.entries(APPS).map(async ([app, imports]) => {
    const lines = imports.map((each, i) => {
      const [path, names] = each.split(': ');
      return names === '*'
        ? `import * as all${i} from './${path}.js'; console.log(all${i});`
        : `import { ${names} } from './${path}.js'; console.log(${names});`;
    });
    const { outputFiles: [{ contents }] } = await build({ stdin: { contents: lines.join('\n'), resolveDir: dist },
      bundle: true, minify: true, format: 'esm', write: false, absWorkingDir: join(dist, '..') });
    return { app, bytes: gzipSync(contents, { level: 9 }).length };
  }));
}
