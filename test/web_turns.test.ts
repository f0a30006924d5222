/** Loops with counters: they end, whatever they were, and what ends by itself computes what it did. */
import { type AdapterInfo, Kernel, open, Tensor } from '../engine/index.ts';
import type { Source } from '../engine/wgsl.ts';
import { rooms } from '../kernels/index.ts';
import { columnAsWritten, countTurns } from '../web/wgsl/turns.ts';
import * as assert from './assert.ts';
import { linkedPrograms } from './linked_programs.ts';
import { nullGpu } from './null_gpu.ts';
import { test } from './test.ts';

const MOST = 1 << 16;
/** Of loops that do not end: lavapipe takes long to compile one whose turns it can foresee, the longer the more. */
const FEW = 200;
const CARD: AdapterInfo = { subgroupMinSize: 32, subgroupMaxSize: 32,
  subgroupMatrixConfigs: [{ componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 }] };

const gpu = await open({ guard: true });
test.after(() => gpu.close());

const only = (text: string): Source => ({ file: 'test/test.wgsl', text });
const counted = (text: string, most = MOST) => countTurns([only(text)], most)[0].text;

/** A kernel of 64 lanes with `y[lane] = <what functions and body make of i>`. */
const program = (body: string, functions = '') =>
  `@group(0) @binding(0) var<storage, read_write> y: array<f32>; ${functions}
@compute @workgroup_size(64) fn turn(@builtin(local_invocation_index) lane: u32) {
  var i = 0u;
  ${body}
  y[lane] = f32(i);
}`;

/** What the kernel writes with a counter in its loops, and whether it says that a loop made all its turns. */
async function runCounted(text: string, most = MOST): Promise<{ y: Float32Array; spent: boolean }> {
  const y = Tensor.empty(gpu, [64], 'f32', 'y');
  new Kernel('turn', countTurns([only(text)], most)).run(gpu, { tensors: { y }, grid: 1 });
  const values = await y.read();
  y.dispose();
  const spent = await gpu.checkGuards().then(() => false, () => true);
  return { y: values as Float32Array, spent };
}

test('loops without an end are ended, each after its turns, and it is told', async () => {
  const endless: readonly (readonly [string, string?])[] = [
    ['loop { i++; }'],
    ['while (true) { i++; }'],
    ['for (;;) { i++; }'],
    ['while i < 70000u { if (i < 70000u) { i++; continue; } }'],
    ['for (var k = 0u; k < 2u; k += 0u) { i++; }'],
    ['loop { i++; continuing { break if i == 0u; } }'],
    ['loop { switch i { case 70000u: { break; } default: { i++; continue; } } }'],
    ['if (lane > 3u) { loop { i++; } }'],
    ['i = count();', 'fn count() -> u32 { var n = 0u; loop { if (n == 4000000000u) { return n; } n++; } }'],
  ];
  for (const [body, functions] of endless) {
    const { y, spent } = await runCounted(program(body, functions), FEW);
    assert.ok(spent, `${body} is not told`);
    assert.ok(y.every((value) => value === FEW || value === 0), `${body}: ${y[0]}, ${y[63]}`);
  }
});

test('an endless loop that has no effect on what is written is told as well', async () => {
  const { y, spent } = await runCounted(program('while (true) { } i = lane;'), FEW);
  assert.ok(spent);
  assert.equal(y, Float32Array.from({ length: 64 }, (_, lane) => lane));
});

test('endless loops in one another end after the turns of one: the inner one has no new ones', async () => {
  const { y, spent } = await runCounted(program('loop { loop { loop { i++; } } }'), FEW);
  assert.ok(spent);
  assert.is(y[0], FEW);
});

test('loops that end by themselves do what they did, and nothing is told', async () => {
  const body = `
  for (var a = 0u; a < lane; a++) { if (a % 3u == 1u) { continue; } switch a { case 4u: { break; } default: { i += a; } } }
  loop { if (i % 7u == 0u) { break; } i++; continuing { i += 2u; } }
  while i < 500u { i += 1u; for (var b = 0u; b < 3u; b++) { i += b; } }`;
  const y = Tensor.empty(gpu, [64], 'f32', 'y');
  new Kernel('plain', [only(program(body))]).run(gpu, { tensors: { y }, grid: 1 });
  const { y: values, spent } = await runCounted(program(body));
  assert.equal(values, await y.read());
  assert.not(spent);
  y.dispose();
});

test('barriers and subgroups in loops, of every kernel in every variant, stay as uniform as they were', async () => {
  await using card = await nullGpu(CARD);
  // of programs that differ in sizes alone, one
  const programs = new Map([...await linkedPrograms(rooms, CARD)].map(([code, label]) => [label, code]));
  const wrong: string[] = [];
  let loops = 0;
  for (const [label, code] of programs) {
    const text = countTurns([only(code)], MOST).map((part) => part.text).join('\n');
    loops += text.split('++; ').length;
    const module = card.device.createShaderModule({ code: text });
    const first = (await module.getCompilationInfo()).messages.find(({ type }) => type === 'error');
    if (first !== undefined) wrong.push(`${label}: ${first.lineNum}:${first.linePos}: ${first.message}`);
  }
  assert.equal(wrong, []);
  assert.ok(programs.size > 50 && loops > 1.5 * programs.size, `${loops} loops in ${programs.size} programs`);
});

test('lines stay where they are, and a column is led back to where it was written', () => {
  const text = 'fn f() { // a\n  for (;;) { while (x) { y(); } } z();\n}\n';
  const parts = [only(text)];
  const long = countTurns(parts, MOST)[0].text;
  assert.is(long.split('\n').length, text.split('\n').length);
  text.split('\n').forEach((line, i) => {
    for (const word of line.match(/\w+/g) ?? []) {
      const column = long.split('\n')[i].search(new RegExp(`\\b${word}\\b(?!_)`)) + 1;
      const at = line.search(new RegExp(`\\b${word}\\b`)) + 1;
      assert.is(columnAsWritten(parts, MOST, 'test/test.wgsl', i + 1, column), at, `${word} of line ${i + 1}`);
    }
  });
});

test('a text that is half written, or has the names of counters, is taken as well', () => {
  for (const text of ['', '}', 'for (;;) {', 'fn f() { for (;;) {', 'fn f() { loop {', 'fn', '} fn f() {} }']) {
    assert.ok(counted(text).includes(text.slice(0, 2)));
  }
  assert.throwsWith(() => counted('fn f() { loop { /* }'), /^test\/test\.wgsl:1:17: this comment does not end/);
  assert.match(counted('fn f() { loop { turns_of_0 = 1; } }'), 'var turns_of__0 = 0u;');
  const parts = countTurns([only('fn turns_spent() {} fn f() { loop { } }')], 3);
  assert.match(parts[1].text, 'fn turns_spent_()');
  for (const most of [0, 1.5, 2 ** 32, Number.NaN]) assert.throwsWith(() => countTurns([], most), RangeError);
});

test.run();
