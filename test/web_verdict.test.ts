/** The verdict on edited WGSL: each kind of edit gets the word that it deserves. */
import { readFileSync } from 'node:fs';
import { FirstlightError } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import type { Room } from '../kernels/shared/room.ts';
import type { CaseChoice } from '../web/worker/protocol.ts';
import { Service } from '../web/worker/service.ts';
import { type Verdict, verdictText } from '../web/worker/verdict_text.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';

const service = new Service(Object.fromEntries(rooms.map((room) => [room.name, async () => ({ room })])));

const GELU = 'gelu/gelu.wgsl';
const textOf = (file: string) => readFileSync(new URL(`../kernels/${file}`, import.meta.url), 'utf8');

/** A file with one part of it replaced. */
function edit(file: string, what: string | RegExp, by: string): Record<string, string> {
  const written = textOf(file);
  const edited = written.replace(what, by);
  if (edited === written) throw new Error(`${file}: nothing to replace: ${what}`);
  return { [file.split('/').slice(-2).join('/')]: edited };
}

const verdict = (room: string, edits: Record<string, string>, choice: CaseChoice = {}) =>
  service.answer({ kind: 'verdict', room, edits, ...choice });
const gelu = (what: string | RegExp, by: string, choice?: CaseChoice) => verdict('gelu', edit(GELU, what, by), choice);
/** Few lanes make their turns quickly. */
const ONE = { case: 'quick_gelu: one element' };

/** A verdict of this kind, with what it says. */
async function says<K extends Verdict['kind']>(kind: K, given: Promise<Verdict>,
  text: RegExp): Promise<Extract<Verdict, { kind: K }>> {
  const found = await given;
  assert.is(found.kind, kind, JSON.stringify(found));
  assert.match(verdictText(found), text);
  return found as Extract<Verdict, { kind: K }>;
}

test('a changed comment is right, with equal bits, and timed in the direction that has the file', async () => {
  const right = await says('right', gelu('// GELU', '// The GELU'),
    /^right; (?:\d+\.\d\d × as fast|as fast as the original, as far as can be told \(\d+\.\d\d to \d+\.\d\d ×\))$/);
  assert.ok(right.equalBits);
  assert.equal(right.directions, ['forward']);
  assert.ok(right.ratio > 0 && right.before > 0 && right.after > 0);
  assert.ok(right.comparisons.length === 2 && right.comparisons.every(({ isRight }) => isRight));
  const gradient = await verdict('gelu', edit('gelu/gelu_grad.wgsl', '// Gradient', '// The gradient'));
  assert.equal(gradient.kind === 'right' && gradient.directions, ['gradient']);
});

test('a shared part is timed in both directions; other bits within the tolerance are right', async () => {
  const right = await says('right',
    verdict('layernorm', edit('shared/row/tree.wgsl', '// ', '// … '), { variant: 'tree' }), /^right/);
  assert.equal(right.directions, ['forward', 'gradient']);
  const other = await says('right',
    gelu('vector_of(activation(vec4f(vector32(x[i]))))',
      'vector32(1.0000001) * vector_of(activation(vec4f(vector32(x[i]))))'), /^right/);
  assert.is(other.equalBits, false);
});

test('a wrong constant is wrong, with the element, what it is and what it must be', async () => {
  const wrong = await says('wrong',
    gelu('vector_of(activation(vec4f(vector32(x[i]))))',
      'vector32(1.5) * vector_of(activation(vec4f(vector32(x[i]))))'),
    /^wrong: output 0, element \d+ is -?[\d.e-]+, want -?[\d.e-]+$/);
  assert.ok(Math.abs(wrong.got / wrong.want - 1.5) < 1e-3);
  const gradient = await says('wrong', verdict('gelu', edit('gelu/gelu_grad.wgsl', '* derivative', '* -derivative')),
    /^wrong: dx, element/);
  assert.ok(Math.abs(gradient.got + gradient.want) < 1e-4);
});

test('an element that is not written, and one that is NaN, are wrong', async () => {
  await says('wrong', verdict('gelu', edit(GELU, /y\[i\] = ([^;]+);/, 'if (i != 700u) { y[i] = $1; }')),
    /^wrong: output 0, element 700 is NaN, want /);
  await says('wrong', gelu(/vector\(vector_of\(([^;]+)\)\);/, 'vector(sqrt(vector32(-1.0) - abs(vector_of($1))));'),
    /is NaN, want/);
});

test('what does not compile is told with file, line and column', async () => {
  const { place } = await says('compile', gelu('y[i] =', 'y[i] = ;'), /^gelu\.wgsl:17:\d+: /);
  assert.equal({ ...place, column: 0 }, { file: GELU, line: 17, column: 0 });
  assert.ok(textOf(GELU).split('\n')[16].includes('y[i] ='));
  await says('compile', gelu('x[i]', 'q[i]'), /^gelu\.wgsl:17:\d+: unresolved value 'q'$/);
  await says('compile', gelu('struct Params', '/* struct Params'), /^gelu\.wgsl:7:1: this comment does not end$/);
  await says('compile', gelu('WORKGROUP)', '65536)'), /workgroup/i);
});

test('a binding renamed, a field or an entry point taken away is a sentence that names the file', async () => {
  await says('refused', gelu(/\bx\b(?=: array|\[i\])/g, 'z'), /gelu\/gelu\.wgsl: .* tensors have no "x"; .* z, y/);
  await says('refused', gelu(', tile: u32', ''), /params have no "tile"/);
  await says('compile', gelu('@compute ', ''), /no entry point/);
  await says('refused', verdict('gelu', { [GELU]: '' }), /gelu\/gelu\.wgsl/);
});

test('a write out of bounds is refused, with the name of the tensor', async () => {
  await says('refused', gelu('y[i] =', 'y[i + 8u] = vector(0); y[i] ='), /^it writes out of bounds: outside of "y"$/);
});

test('a loop that does not end is refused, and the service goes on', async () => {
  const endless = await says('refused', gelu('i += WORKGROUP', 'i += 0u', ONE),
    /^a loop does not end: it made 16,384 turns$/);
  assert.match(endless.hint ?? '', 'less than 1,024');
  await says('refused', gelu('let tile =', 'while (params.vectors > 0u) { }\n  let tile =', ONE),
    /^a loop does not end/);
  await says('right', gelu('// GELU', '// The GELU'), /^right/);
});

test('a file that the case does not use is said to be none of it', async () => {
  const naive = edit('layernorm/layernorm.naive.wgsl', '// ', '// … ');
  const unused = await says('unused', verdict('layernorm', naive, { variant: 'tree' }),
    /^no program of this case in this variant has layernorm\/layernorm\.naive\.wgsl; choose/);
  assert.is(unused.elsewhere?.variant, 'naive');
  const { elsewhere } = await says('unused',
    verdict('layernorm', edit('layernorm/parts/grads.appended.wgsl', '// ', '// … '), { variant: 'tree' }),
    /^no program/);
  assert.match(elsewhere?.case ?? '', /^a token appended/);
  await says('right',
    verdict('layernorm', edit('layernorm/layernorm.naive.wgsl', '// ', '// … '), { variant: 'naive' }), /^right/);
});

test('a wrong variant, case or room, and a name that is no file, are errors of the request', async () => {
  const edits = edit(GELU, '// GELU', '// The GELU');
  await assert.rejectsWith(verdict('gelu', edits, { variant: 'tree' }), /has no run as tree/, { code: 'FL_USAGE' });
  await assert.rejectsWith(verdict('gelu', edits, { case: 'no such case' }), { code: 'FL_USAGE' });
  await assert.rejectsWith(verdict('toString', edits), /there is no room/, { code: 'FL_USAGE' });
  await assert.rejectsWith(verdict('gelu', { 'gelu.wgsl': '' }), FirstlightError, /is the name of no WGSL file/);
});

for (const name of ['softmax', 'cross_entropy', 'reduce', 'embedding', 'adamw']) {
  test(`the texts of ${name} as they were written, in place of themselves, are right, with equal bits`, async () => {
    const { kernels } = rooms.find((room) => room.name === name) as Room;
    const files = kernels.flatMap(({ sources }) => sources);
    const edits = Object.fromEntries(files.map(({ file, text }) => [file, `${text}\n// as it was`]));
    assert.ok((await says('right', verdict(name, edits), /^right/)).equalBits);
  });
}

test('numbers in a verdict have as many digits as tell them apart', () => {
  const wrong = (got: number, want: number) =>
    verdictText({ kind: 'wrong', what: 'dx', index: 1430, got, want, comparisons: [] });
  assert.is(wrong(0.06358, 0.05319), 'wrong: dx, element 1430 is 0.0636, want 0.0532');
  assert.is(wrong(1.00004, 1.00002), 'wrong: dx, element 1430 is 1.00004, want 1.00002');
  assert.is(wrong(Number.NaN, -12345), 'wrong: dx, element 1430 is NaN, want -12300');
});

test.after(() => service.close());
test.run();
