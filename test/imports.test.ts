/** The house's rules about who may import whom, held by reading every source file. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { circlesOf, type Graph, graphOf, importsOf, reachedFrom, resolve, sourcesOf } from '../bench/imports/graph.ts';
import { importsPicture, titleOf } from '../bench/imports/picture.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What each part of the house may import. `test`, `bench` and `web` may import anything. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  engine: ['engine'],
  kernels: ['engine', 'kernels'],
  model: ['engine', 'kernels', 'model'],
  mpi: ['engine', 'mpi'],
  train: ['engine', 'kernels', 'model', 'mpi', 'train'],
};

/** The layers of the engine, from the ground up, as its page lists them. */
const LAYERS = [
  ...readFileSync(new URL('../engine/README.md', import.meta.url), 'utf8').matchAll(/^\| [a-z ]+ \| (\[.*) \|.*\|$/gm),
].map(([, files]) => [...files.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => `engine/${file}`));

/** The folders of train, from the ground up, as its page lists them. */
const FOLDERS = [
  ...readFileSync(new URL('../train/README.md', import.meta.url), 'utf8').matchAll(/^\| \[([a-z_/]+)\]\(/gm),
].map(([, folder]) => `train/${folder}`);

/** The imports, types counted, of a later folder of train, and those of another folder by the recipe. */
function upwardsInTrain(graph: Graph): string[] {
  const place = (path: string) => FOLDERS.findIndex((folder) => path.startsWith(`${folder}/`));
  return [...graph].filter(([path]) => path.startsWith('train/')).flatMap(([path, targets]) =>
    targets.filter((target) => target.startsWith('train/') && place(target) > place(path)).map((target) =>
      `${path} imports ${target}`
    )
  );
}

/** Where Node is taken for granted; everything else in engine, kernels and model runs in browsers too. */
const isForNode = (path: string) =>
  (path.startsWith('train/') && !path.startsWith('train/recipe/')) || path.startsWith('engine/setup/')
  || (path.startsWith('mpi/') && path !== 'mpi/order.ts') || /\.node\.ts$/.test(path);

/** The room that a file belongs to, or `shared`; undefined outside of rooms. */
function roomOf(path: string): string | undefined {
  return /^kernels\/([^/]+)\//.exec(path)?.[1];
}

/** What is wrong with the imports of a file that are still there once types are taken away, one line each. */
function breaches(path: string, text: string): string[] {
  return importsOf(text).filter(({ isType }) => !isType).flatMap(({ target, isDynamic }) => {
    const breach = breachOf(path, target, isDynamic);
    return breach === undefined ? [] : [`${path} imports ${target}: ${breach}`];
  });
}

function breachOf(path: string, target: string, dynamic: boolean): string | undefined {
  const part = path.split('/')[0];
  if (!target.startsWith('.')) {
    return target.startsWith('node:') && !dynamic && !isForNode(path)
      ? 'it must load in a browser too'
      : undefined;
  }
  const to = resolve(path, target);
  if (!ALLOWED[part].includes(to.split('/')[0])) return `${part} may import ${ALLOWED[part].join(', ')}`;
  if (isForNode(to) && !dynamic && !isForNode(path)) {
    return 'it must load in a browser too, so what is for Node is loaded only when asked for';
  }
  const [from, room] = [roomOf(path), roomOf(to)];
  if (from !== undefined && part === 'kernels' && room !== undefined && room !== from && room !== 'shared') {
    return 'a room imports the engine and kernels/shared, never another room';
  }
  return undefined;
}

for (const part of Object.keys(ALLOWED)) {
  test(`${part} imports only ${ALLOWED[part].join(', ')}, and nothing that it may not load`, () => {
    const own = sourcesOf(ROOT, [part]);
    assert.ok(own.size > 0);
    assert.equal([...own].flatMap(([path, text]) => breaches(path, text)), []);
  });
}

test('types too are imported downwards alone', () => {
  const upwards = Object.keys(ALLOWED).flatMap((part) =>
    [...graphOf(ROOT)].filter(([path]) => path.startsWith(`${part}/`)).flatMap(([path, targets]) =>
      targets.filter((target) => !ALLOWED[part].includes(target.split('/')[0])).map((target) =>
        `${path} imports ${target}`
      )
    )
  );
  assert.equal(upwards, []);
});

test('no file of engine, kernels, model, train and bench imports itself by way of others, types counted', () => {
  assert.equal(circlesOf(graphOf(ROOT)), []);
});

test('every file of the engine has a layer on its page, and imports nothing of a layer above, types counted', () => {
  // what prepares Node is loaded when asked for
  const graph = [...graphOf(ROOT, ['engine'])].filter(([path]) => !path.startsWith('engine/setup/'));
  assert.equal(LAYERS.flat().sort(), graph.map(([path]) => path).sort());
  const layerOf = (path: string) => LAYERS.findIndex((files) => files.includes(path));
  const upwards = graph.flatMap(([path, targets]) =>
    targets.filter((target) => layerOf(target) > layerOf(path)).map((target) => `${path} imports ${target}`)
  );
  assert.equal(upwards, []);
});

test('every file of train has a folder on its page, and imports nothing of a later one, types counted', () => {
  const graph = graphOf(ROOT);
  const own = [...graph.keys()].filter((path) => path.startsWith('train/'));
  assert.equal(own.filter((path) => !FOLDERS.some((folder) => path.startsWith(`${folder}/`))), []);
  assert.equal(FOLDERS.filter((folder) => !own.some((path) => path.startsWith(`${folder}/`))), []);
  assert.equal(upwardsInTrain(graph), []);
  assert.equal(
    upwardsInTrain(
      graphFrom({ 'train/recipe/stage.ts': ['train/run/config.ts'], 'train/run/fit.ts': ['train/recipe/stage.ts'] }),
    ),
    ['train/recipe/stage.ts imports train/run/config.ts'],
  );
});

test('an import against the direction is found', () => {
  assert.match(breaches('engine/gpu.ts', "import { gelu } from '../kernels/gelu/index.ts';")[0],
    'engine may import engine');
  assert.match(breaches('kernels/gelu/index.ts', "export * from '../../model/xclip.ts';")[0], 'kernels may import');
  assert.match(breaches('model/xclip.ts', "const { AdamW } = await import('../train/recipe/optimizer/index.ts');")[0],
    'model may import');
  assert.match(breaches('train/recipe/stage.ts', "import {\n  close,\n} from '../../test/close.ts';")[0],
    'train may import');
  assert.equal(breaches('train/recipe/stage.ts', "import { gelu } from '../../kernels/gelu/index.ts';"), []);
});

test('an import of one room by another is found', () => {
  assert.match(breaches('kernels/gelu/index.ts', "import { add } from '../elementwise/index.ts';")[0],
    'never another room');
  assert.match(breaches('kernels/shared/rows.ts', "import { add } from '../elementwise/index.ts';")[0],
    'never another room');
  assert.equal(breaches('kernels/gelu/index.ts', "import { ceilDiv } from '../shared/sizes.ts';"), []);
  assert.equal(breaches('kernels/index.ts', "import { room as gelu } from './gelu/cases.ts';"), []);
});

test('an import that no browser can follow is found', () => {
  assert.match(breaches('engine/wgsl.ts', "import { readFile } from 'node:fs/promises';")[0], 'browser');
  assert.match(breaches('engine/instance.browser.ts', "import { prepareProcess } from './setup/in_process.mjs';")[0],
    'browser');
  assert.match(breaches('model/clip.ts', "import './checkpoint/bytes.node.ts';")[0], 'browser');
  assert.equal(breaches('engine/wgsl.ts', "  const { readFile } = await import('node:fs/promises');"), []);
  assert.equal(breaches('model/checkpoint/bytes.node.ts', "import { open } from 'node:fs/promises';"), []);
  assert.equal(breaches('engine/wgsl.ts', "import type { FileHandle } from 'node:fs/promises';"), []);
});

/** The files that come with some, and what else they ask for by name; types and what is loaded later do not count. */
function loadedWith(
  begin: readonly string[],
): { readonly files: readonly string[]; readonly others: readonly string[] } {
  const files = new Set(begin);
  const others = new Set<string>();
  for (const path of files) { // grows while it is gone through
    for (const { target, isType, isDynamic } of importsOf(readFileSync(`${ROOT}/${path}`, 'utf8'))) {
      if (isType || isDynamic) continue;
      if (target.startsWith('.')) files.add(resolve(path, target));
      else others.add(target);
    }
  }
  return { files: [...files], others: [...others].sort() };
}

test('the page that trains shares the loop with Node, and loads nothing of Node and no package', () => {
  const { files, others } = loadedWith(['web/pages/train.ts', 'web/training/worker.ts']);
  for (const shared of ['train/recipe/run_loop.ts', 'train/run/validations.ts', 'train/run/saving.ts']) {
    assert.ok(files.includes(shared), shared);
    assert.ok(loadedWith(['train/run/fit.ts']).files.includes(shared), shared);
  }
  assert.equal(files.filter((path) => /\.node\.ts$/.test(path)), []);
  // the first two have a file for browsers, the last is made when the site is built
  assert.equal(others, ['#instance', '#read_text', 'virtual:lesson']);
});

test('the page that classifies shares the prediction with Node, and loads nothing of Node', () => {
  const { files, others } = loadedWith(['web/classify/panel.ts', 'web/classify/worker.ts']);
  const predicts = loadedWith(['train/commands/predict.ts']).files;
  for (const shared of ['checkpoint/checkpoint.ts', 'checkpoint/system.ts', 'tokenizer.ts']) {
    assert.ok(files.includes(`model/${shared}`) && predicts.includes(`model/${shared}`), shared);
  }
  for (const shared of ['candidates.ts', 'logits.ts', 'ranking.ts']) {
    assert.ok(files.includes(`train/protocols/${shared}`) && predicts.includes(`train/protocols/${shared}`), shared);
  }
  assert.equal(files.filter((path) => /\.node\.ts$/.test(path)), []);
  assert.equal(others, ['#instance', '#read_text', '@huggingface/tokenizers', 'entities', 'mediabunny']);
});

test('every form of an import is read: of types, over several lines, by export, in a function, and for its effects', () => {
  const text = `import { a } from './a.ts';
import type { B } from './b.ts';
import {
  c,
  type C,
} from './c.ts';
export * from './d.ts';
export type { E } from './e.ts';
import './f.ts';
  const g = (await import('./g.ts')) as typeof import('./h.ts');
export const notOne = "from './x.ts'";
// import './y.ts';
 * import { z } from './z.ts';`;
  const names = (wanted: (found: ReturnType<typeof importsOf>[number]) => boolean) =>
    importsOf(text).filter(wanted).map(({ target }) => target[2]).join('');
  assert.is(names(() => true), 'abcdefgh');
  assert.is(names(({ isType }) => isType), 'beh');
  assert.is(names(({ isDynamic }) => isDynamic), 'g');
});

const graphFrom = (imports: Readonly<Record<string, readonly string[]>>): Graph => new Map(Object.entries(imports));

test('circles are found: of two, of more by way of each other, and of a file with itself; two ways to one file are none', () => {
  assert.equal(circlesOf(graphFrom({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] })), []);
  assert.equal(circlesOf(graphFrom({ a: ['b'], b: ['c'], c: ['b', 'd'], d: ['d'], e: ['a'] })), [['b', 'c'], ['d']]);
  assert.equal(circlesOf(graphFrom({ a: ['b'], b: ['c'], c: ['a', 'd'], d: ['c'], e: [] })), [['a', 'b', 'c', 'd']]);
  assert.equal([...reachedFrom(graphFrom({ a: ['b'], b: ['c'], c: [], d: ['a'] }), 'a')].sort(), ['b', 'c']);
});

test('in the picture every file stands above all that it imports, and a circle is said and drawn in red', async () => {
  const graph = graphOf(ROOT);
  const picture = await importsPicture(graph);
  const drawn = [...picture.matchAll(/<title>([^<]+)<\/title>\n<path [^>]*>\n<text [^>]*\by="([-\d.]+)"/g)];
  const height = new Map(drawn.map(([, path, y]) => [path.replaceAll('&#45;', '-'), Number(y)]));
  assert.equal([...graph.keys()].filter((path) => !height.has(path)), []);
  const inCircles = new Set(circlesOf(graph).flat());
  const wrong = [...graph].flatMap(([path, targets]) =>
    targets.filter((target) =>
      path.split('/')[0] === target.split('/')[0] && !(inCircles.has(path) && inCircles.has(target))
      && !((height.get(path) as number) < (height.get(target) as number))
    ).map((target) => `${path} over ${target}`)
  );
  assert.equal(wrong, []);
  const circle = graphFrom({ 'engine/a.ts': ['engine/b.ts'], 'engine/b.ts': ['engine/a.ts'] });
  assert.is(titleOf(circle), '1 circle of files that import each other, in red');
  assert.match(await importsPicture(circle), /stroke="#c62828"/);
});

test.run();
