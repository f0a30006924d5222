/** WGSL files that a context reads otherwise than they were written: what follows them, and what goes wrong. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, type Gpu, KernelCompileError, KernelSourceError, open, Tensor } from '../engine/index.ts';
import * as adamw from '../kernels/adamw/index.ts';
import { gelu, kernels as geluKernels } from '../kernels/gelu/index.ts';
import { gelu as exact } from '../kernels/gelu/reference.ts';
import { kernels as normKernels } from '../kernels/layernorm/variants.ts';
import { close } from './close.ts';

const FILE = 'gelu/gelu.wgsl';
const text = (path: string) => readFileSync(new URL(`../kernels/${path}`, import.meta.url), 'utf8');
const GELU = text(FILE);

/** The text with one part of it replaced. */
function edit(what: string | RegExp, by: string, whole = GELU): string {
  const edited = whole.replace(what, by);
  if (edited === whole) throw new Error(`nothing to replace: ${what}`);
  return edited;
}

const INPUT = Float32Array.of(-2, -0.5, 0, 0.5, 3, 1, 2);

async function result(gpu: Gpu): Promise<ArrayLike<number>> {
  using x = Tensor.from(gpu, INPUT);
  using y = gelu(x, 'gelu');
  return y.read();
}

const doubled = edit('vector_of(activation(vec4f(vector32(x[i]))))', '2.0 * vector32(x[i])');

test('an edited file is run in its context alone: kernels, programs and fingerprints of others stay as they are', async () => {
  await using before = await open();
  const expected = exact(Float64Array.from(INPUT), 'gelu');
  close('before', await result(before), expected, { atol: 1e-5, rtol: 1e-5 });
  const [kernel] = geluKernels;
  const { fingerprint } = kernel;
  await using edited = await open({ edits: { [FILE]: doubled } });
  assert.equal([...await result(edited) as Float32Array], [...INPUT.map((v) => 2 * v)]);
  close('the context from before', await result(before), expected, { atol: 1e-5, rtol: 1e-5 });
  await using after = await open();
  close('a context from after', await result(after), expected, { atol: 1e-5, rtol: 1e-5 });
  assert.is(kernel.fingerprint, fingerprint);
  const constants = { WORKGROUP: 1 };
  assert.match(kernel.program(edited, 'only', constants).code, '2.0 * vector32');
  assert.not.match(kernel.program(after, 'only', constants).code, '2.0 * vector32');
});

test('bindings, fields and constants are those of the edited text: numbers of bindings and the order of fields may change', async () => {
  const moved = edit('{ vectors: u32, tile: u32 }', '{ tile: u32, vectors: u32 }')
    .replace('@binding(0)', '@binding(5)').replace('@binding(1)', '@binding(0)');
  await using gpu = await open({ edits: { [FILE]: moved } });
  close('moved', await result(gpu), exact(Float64Array.from(INPUT), 'gelu'), { atol: 1e-5, rtol: 1e-5 });
});

test('a part that is shared between kernels is edited in all of them, and so is the part of every kernel', async () => {
  const grid = readFileSync(new URL('../engine/grid.wgsl', import.meta.url), 'utf8');
  const file = 'vector/scalar.wgsl';
  const marked = (written: string) => `// seen\n${written}`;
  await using gpu = await open({
    edits: { [file]: marked(text('shared/vector/scalar.wgsl')), 'engine/grid.wgsl': marked(grid) },
  });
  assert.is(gpu.edits.areNone, false);
  for (const kernel of [geluKernels[0], normKernels[0]]) {
    const [variant] = kernel.variants(gpu);
    const program = kernel.program(gpu, variant, { WORKGROUP: 64 });
    assert.is(program.code.split('// seen').length, 3, kernel.name);
    assert.is(program.files, `engine/grid.wgsl, ${file}`);
  }
  close('marked', await result(gpu), exact(Float64Array.from(INPUT), 'gelu'), { atol: 1e-5, rtol: 1e-5 });
});

test('a kernel tells its files, of all variants, each once and as they were written', async () => {
  const [first] = normKernels;
  const files = first.sources.map(({ file }) => file);
  assert.is(new Set(files).size, files.length);
  for (const file of ['layernorm/layernorm.wgsl', 'layernorm/layernorm.naive.wgsl', 'vector/scalar.wgsl']) {
    assert.ok(files.includes(file), file);
  }
  await using gpu = await open({ edits: { 'layernorm/layernorm.wgsl': '' } });
  first.variants(gpu);
  assert.ok(first.sources.every((source) => source.text !== '' && source.written === undefined));
});

/** What an edit of a file ends in. */
async function errorOf(edited: string, run: (gpu: Gpu) => Promise<unknown> = result,
  file = FILE): Promise<FirstlightError> {
  await using gpu = await open({ edits: { [file]: edited } });
  const error = await assert.rejectsWith(() => run(gpu), FirstlightError);
  assert.match(error.message, file);
  assert.not.match(error.message, /undefined|\[object|TypeError/);
  return error;
}

test('an edit that no longer fits its launch is one sentence that names the file', async () => {
  const renamed = await errorOf(edit(/\bx\b(?=: array|\[i\])/g, 'z'));
  assert.match(renamed.message, 'gelu/gelu.wgsl: gelu.scalar.gelu: tensors have no "x"; the WGSL knows z, y');
  assert.match((await errorOf(edit(', tile: u32', ''))).message, 'params have no "tile"; the WGSL knows vectors');
  assert.match(
    (await errorOf(
      edit('struct Params', 'struct Sizes').replace('<uniform> params: Params', '<uniform> params: Sizes'),
    )).message,
    'params have no "vectors"; the WGSL knows none',
  );
  assert.match((await errorOf(edit('tile: u32 }', 'tile: u32, more: f32 }'))).message, 'parameter "more" is not given');
  assert.match((await errorOf(edit('tile: u32 }', 'tile: u32, constructor: f32 }'))).message,
    'parameter "constructor" is not given');
  const vector = await errorOf(edit('tile: u32 }', 'tile: vec2u }'));
  assert.match(vector.message, 'gelu/gelu.wgsl: struct Params: "tile: vec2u" is not a 32-bit scalar');
  assert.match((await errorOf(edit('x: array<vector>', 'x: array<u32>'))).message, 'x must be u32, got f32');
  assert.match((await errorOf(`${GELU}\n@group(0) @binding(7) var<storage, read> more: array<f32>;`)).message,
    'binding "more" got no tensor; given: x, y');
});

test('an edit that makes no program is one sentence that names the file, and the line where there is one', async () => {
  for (const entry of ['', '// nothing\n', edit('@compute ', '')]) {
    const error = await errorOf(entry);
    // without its bindings a text does not fit the launch, which is found first
    assert.match(error.message, /gelu\/gelu\.wgsl: (no entry point|gelu\.scalar\.gelu: tensors have no "x"; .* none)/);
  }
  const open = await errorOf(edit('struct Params', '/* /* two */ struct Params'));
  assert.instance(open, KernelSourceError);
  assert.match(open.message, /^gelu\/gelu\.wgsl:7:1: this comment does not end$/);
  const closed = await errorOf(edit('struct Params', '*/ struct Params'));
  assert.instance(closed, KernelCompileError);
  assert.match(closed.message, 'gelu/gelu.wgsl:7:1: ');
});

test('what the compiler or the device objects to in an edit names file, line and column, or the file', async () => {
  assert.match((await errorOf(edit('x[i]', 'q[i]'))).message, /gelu\/gelu\.wgsl:17:\d+: .*q/);
  assert.match((await errorOf(edit('y[i] =', 'y[i] = ;'))).message, /gelu\/gelu\.wgsl:17:\d+: /);
  assert.match((await errorOf(`${GELU}\nalias a = b; alias b = a;\nstruct S { s: S }`)).message,
    /gelu\/gelu\.wgsl:(21|22):\d+: /);
  assert.match((await errorOf(edit('var<storage, read> x: array<vector>', 'var<storage, read> x: (')
    .replace('x[i]', 'vector()'))).message, 'gelu/gelu.wgsl');
  assert.match((await errorOf(edit('@binding(2)', '@binding(1)'))).message, 'gelu/gelu.wgsl');
  assert.match((await errorOf(edit('@binding(2)', '@binding(99999999999)'))).message, 'gelu/gelu.wgsl');
  assert.match((await errorOf(edit('@workgroup_size(WORKGROUP)', '@workgroup_size(65536)'))).message, 'gelu/gelu.wgsl');
});

test('an edit that no longer declares what a room writes is refused where a kernel with it is run', async () => {
  const file = 'adamw/adamw.wgsl';
  const run = async (gpu: Gpu) => adamw.kernels[0].program(gpu, 'only');
  const written = text(file);
  assert.match((await errorOf(edit('beta1: f32', 'first: f32', written), run, file)).message,
    /adamw\/adamw\.wgsl: struct Hyper has the fields lr, first, .*, the room writes lr, beta1/);
  assert.match((await errorOf(edit('struct Hyper', 'struct Other', written), run, file)).message,
    'adamw/adamw.wgsl: struct Hyper is not there');
});

test('what cannot be the name of a file, or its text, is refused when the context is opened', async () => {
  const refuse = async (edits: unknown, what: RegExp) => {
    await assert.rejectsWith(() => open({ edits: edits as Record<string, string> }), FirstlightError, what);
  };
  await refuse({ 'layernorm.wgsl': '' }, /edits: "layernorm\.wgsl" is the name of no WGSL file/);
  await refuse({ './kernels/gelu/gelu.wgsl': '' }, /is the name of no WGSL file/);
  await refuse({ 'gelu/index.ts': '' }, /is the name of no WGSL file/);
  await refuse({ [FILE]: undefined }, /edits: "gelu\/gelu\.wgsl" is to be replaced by undefined/);
});

test.run();
