/**
 * The programs of all rooms before naga, which Firefox compiles WGSL with: it reads them, finds nothing wrong, and
 * writes them in each system's language.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { NagaError, parseWgsl, validate, writeHlsl, writeMsl, writeSpirv } from 'naga-wasm';
import type { AdapterInfo } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { matrixVariantNames } from '../kernels/shared/matrix.ts';
import { linkedPrograms } from './linked_programs.ts';

/** Sizes differ with the kind of adapter, and with its subgroups. */
const CARD: AdapterInfo = { subgroupMinSize: 32, subgroupMaxSize: 32,
  subgroupMatrixConfigs: [{ componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 }] };
const PROCESSOR: AdapterInfo = { isFallbackAdapter: true, subgroupMinSize: 8, subgroupMaxSize: 8 };

/** Why naga 30 cannot read a program; undefined where it can. */
function unreadable(code: string): string | undefined {
  return /^enable chromium_experimental_subgroup_matrix;$/m.test(code)
    ? 'it has no subgroup matrices, an extension of Dawn'
    : undefined;
}

/**
 * What naga says against a program; undefined if nothing. It has the functions of subgroups, but refuses the line that
 * switches them on.
 */
function objection(code: string): string | undefined {
  try {
    using module = parseWgsl(code.replace(/^enable subgroups;$/m, ''));
    using info = validate(module);
    // Firefox: Vulkan, Direct3D 12, Metal of macOS 12
    writeSpirv(module, info);
    writeHlsl(module, info, { shaderModel: '6_0' });
    writeMsl(module, info, { langVersion: [2, 4] });
    return undefined;
  } catch (error) {
    // a panic of naga leaves it unusable, and is no verdict
    if (!(error instanceof NagaError)) throw error;
    return error.formatted;
  }
}

/** A program without the sizes that its launch put before it: of programs that differ in those alone, one is read. */
const withoutSizes = (code: string) => code.replace(/^const \w+ = \d+u;$/gm, '');

const linked = [...(await linkedPrograms(rooms, CARD)), ...(await linkedPrograms(rooms, PROCESSOR))];
const programs = new Map([...new Map(linked.map((each) => [withoutSizes(each[0]), each])).values()]);
const read = [...programs].filter(([code]) => unreadable(code) === undefined);
const left = new Map(
  [...programs].flatMap(([code, label]) => (unreadable(code) === undefined ? [] : [[label, unreadable(code)]])),
);

test('every program of every room that naga can read, in one of its sizes, is right, and can be written in the languages that Firefox needs', () => {
  const wrong = read.flatMap(([code, label]) => {
    const said = objection(code);
    return said === undefined ? [] : [`${label}: ${said}`];
  });
  assert.equal(wrong, []);
  console.log(
    `coverage: naga: ${read.length} programs read, of them ${
      read.filter(([code]) => code.includes('alias elem = f16;')).length
    } in f16; ${programs.size - read.length} not: ${[...new Set(left.values())]}`,
  );
});

test('no program is left out but those on matrix units, and every room has some that are read', () => {
  for (const label of left.keys()) assert.ok(matrixVariantNames.includes(label.split('.').at(-1) ?? ''), label);
  const labels = [...new Set(read.map(([, label]) => label))];
  const has = (name: string) => labels.some((label) => label.startsWith(`${name}.`));
  for (const { name, kernels } of rooms) assert.ok(kernels.some((kernel) => has(kernel.name)), name);
  const without = rooms.flatMap(({ kernels }) => kernels.map(({ name }) => name)).filter((name) => !has(name));
  if (without.length > 0) console.log(`coverage: naga: no case runs ${without.join(', ')}`);
});

test('a wrong type, a name that there is not, and a store to what is only read are objected to', () => {
  const program = (body: string) =>
    `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@compute @workgroup_size(64) fn wrong(@builtin(local_invocation_index) lane: u32) { ${body} }`;
  assert.is(objection(program('y[lane] = f32(lane);')), undefined);
  assert.match(objection(program('y[lane] = lane;')) ?? '', /wrong/);
  assert.match(objection(program('y[lane] = elem(lane);')) ?? '', /no definition in scope/);
  assert.match(objection(program('x[lane] = 1.0;')) ?? '', /wrong/);
});

test.run();
