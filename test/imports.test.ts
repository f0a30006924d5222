/** The house's rules about who may import whom, held by reading every source file. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What each part of the house may import. `test`, `bench` and `web` may import anything. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  engine: ['engine'],
  kernels: ['engine', 'kernels'],
  model: ['engine', 'kernels', 'model'],
  train: ['engine', 'kernels', 'model', 'train'],
};

/** Where Node is taken for granted; everything else in engine, kernels and model runs in browsers too. */
const isForNode = (path: string) => path.startsWith('train/') || path.startsWith('engine/setup/') || /\.node\.ts$/.test(path);

interface Import {
  /** As it is written: './gpu.ts', 'node:fs'. */
  readonly target: string;
  /** Loaded when a line of code asks for it, not with the file. */
  readonly dynamic: boolean;
}

/** The imports of a source text that are still there once types are taken away, and the dynamic ones. */
function importsOf(text: string): Import[] {
  const whole = [...text.matchAll(/^(?:import|export)\s+(type\s)?(?:[\w*{][^;'"`]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)].filter(([, type]) => type === undefined);
  const inside = text.matchAll(/(?<!typeof )\bimport\(\s*['"]([^'"]+)['"]/g);
  return [...whole.map(([, , target]) => ({ target, dynamic: false })), ...Array.from(inside, ([, target]) => ({ target, dynamic: true }))];
}

/** The room that a file belongs to, or `shared`; undefined outside of rooms. */
function roomOf(path: string): string | undefined {
  return /^kernels\/([^/]+)\//.exec(path)?.[1];
}

/** What is wrong with the imports of a file, one line each. */
function breaches(path: string, text: string): string[] {
  return importsOf(text).flatMap(({ target, dynamic }) => {
    const breach = breachOf(path, target, dynamic);
    return breach === undefined ? [] : [`${path} imports ${target}: ${breach}`];
  });
}

function breachOf(path: string, target: string, dynamic: boolean): string | undefined {
  const part = path.split('/')[0];
  if (!target.startsWith('.')) return target.startsWith('node:') && !dynamic && !isForNode(path) ? 'it must load in a browser too' : undefined;
  const to = normalize(join(dirname(path), target));
  if (!ALLOWED[part].includes(to.split('/')[0])) return `${part} may import ${ALLOWED[part].join(', ')}`;
  if (isForNode(to) && !dynamic && !isForNode(path)) return 'it must load in a browser too, so what is for Node is loaded only when asked for';
  const [from, room] = [roomOf(path), roomOf(to)];
  if (from !== undefined && part === 'kernels' && room !== undefined && room !== from && room !== 'shared') return 'a room imports the engine and kernels/shared, never another room';
  return undefined;
}

const files = Object.keys(ALLOWED).flatMap((part) =>
  readdirSync(join(ROOT, part), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|mts|mjs)$/.test(name) && !name.endsWith('.d.mts'))
    .map((name) => `${part}/${name}`),
);

for (const part of Object.keys(ALLOWED)) {
  test(`${part} imports only ${ALLOWED[part].join(', ')}, and nothing that it may not load`, () => {
    const own = files.filter((path) => path.startsWith(`${part}/`));
    assert.ok(own.length > 0);
    assert.equal(own.flatMap((path) => breaches(path, readFileSync(join(ROOT, path), 'utf8'))), []);
  });
}

test('an import against the direction is found', () => {
  assert.match(breaches('engine/gpu.ts', "import { gelu } from '../kernels/gelu/index.ts';")[0], 'engine may import engine');
  assert.match(breaches('kernels/gelu/index.ts', "export * from '../../model/xclip.ts';")[0], 'kernels may import');
  assert.match(breaches('model/xclip.ts', "const { AdamW } = await import('../train/optimizer.ts');")[0], 'model may import');
  assert.match(breaches('train/stage.ts', "import {\n  close,\n} from '../test/close.ts';")[0], 'train may import');
  assert.equal(breaches('train/stage.ts', "import { gelu } from '../kernels/gelu/index.ts';"), []);
});

test('an import of one room by another is found', () => {
  assert.match(breaches('kernels/gelu/index.ts', "import { add } from '../elementwise/index.ts';")[0], 'never another room');
  assert.match(breaches('kernels/shared/rows.ts', "import { add } from '../elementwise/index.ts';")[0], 'never another room');
  assert.equal(breaches('kernels/gelu/index.ts', "import { ceilDiv } from '../shared/sizes.ts';"), []);
  assert.equal(breaches('kernels/index.ts', "import { room as gelu } from './gelu/cases.ts';"), []);
});

test('an import that no browser can follow is found', () => {
  assert.match(breaches('engine/wgsl.ts', "import { readFile } from 'node:fs/promises';")[0], 'browser');
  assert.match(breaches('engine/instance.ts', "import { prepareProcess } from './setup/in_process.mjs';")[0], 'browser');
  assert.match(breaches('model/clip.ts', "import './checkpoint/bytes.node.ts';")[0], 'browser');
  assert.equal(breaches('engine/wgsl.ts', "  const { readFile } = await import('node:fs/promises');"), []);
  assert.equal(breaches('model/checkpoint/bytes.node.ts', "import { open } from 'node:fs/promises';"), []);
  assert.equal(breaches('engine/wgsl.ts', "import type { FileHandle } from 'node:fs/promises';"), []);
});

test.run();
