/** What `verify` allows a tensor to be off by, and what it says of several; nothing here needs a GPU. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FileBytes } from '../model/checkpoint/bytes.node.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { inLayout, sourceOf, withoutMessage } from '../train/verify/activations.ts';
import { Comparison, tolerated, toleranceOf } from '../train/verify/comparison.ts';
import { FixtureFile, FixtureTensors } from '../train/verify/fixture.ts';
import { readFixtures } from '../train/verify/folder.ts';
import { kindOf } from '../train/verify/index.ts';
import { verifySchedule } from '../train/verify/schedule.ts';
import { verifyTokenizer } from '../train/verify/tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-compared-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const resultOf = (compare: (comparison: Comparison) => void) => {
  const comparison = new Comparison('f', 'c');
  compare(comparison);
  return comparison.result();
};

test('a tolerance is eight times the error of the reference and a millionth of its largest, 8192 times that in f16', () => {
  assert.is(toleranceOf([2, 3e6], 'f32'), 19);
  assert.is(toleranceOf([2, 3e6], 'f16'), 19 * 8192);
  assert.is(tolerated(0.5, [1, -4, 2], 'f32'), 40);
  assert.is(tolerated(0.5, [1, -4, 2], 'f16'), 8192 * (8 * 2 + 4e-6));
  assert.is(tolerated(0.5, [], 'f32'), 0);
});

test('NaN, a wrong length, and nothing to compare are failures', () => {
  assert.is(resultOf((c) => c.compare('x', [1, 2], [1, 2.5], 0.5)).passed, true);
  assert.is(resultOf((c) => c.compare('x', [1, 2], [1, 2.5], 0.4999)).passed, false);
  assert.is(resultOf((c) => c.compare('x', [1, Number.NaN, 3], [1, 2, 3], 10)).passed, false);
  assert.is(resultOf((c) => c.compare('x', [1, 2, 3], [1, Number.NaN, 3], 10)).passed, false);
  assert.is(resultOf((c) => c.compare('x', [1], [1, 2], 10)).problem, 'x: 1 values, the reference has 2');
  const nothing = resultOf(() => undefined);
  assert.equal([nothing.fixture, nothing.check, nothing.passed, nothing.problem], ['f', 'c', false,
    'nothing was compared']);
  assert.is(resultOf((c) => (c.compare('bad', [Number.NaN], [0], 1), c.compare('good', [0], [0], 1))).worst?.tensor,
    'bad');
});

test('the largest error of a tensor counts, and the tensor that is nearest to its tolerance, or beyond', () => {
  const { worst, tensors, passed } = resultOf((c) => {
    c.compare('first', [3, 1, 2, 0], [1, 1, 1, 1], 4);
    c.compare('exact', [1], [1], 0);
    c.compare('second', [1.5], [1], 0.5);
    c.compare('third', [9], [0], 10);
  });
  assert.equal([worst, tensors, passed], [{ tensor: 'second', error: 0.5, tolerance: 0.5 }, 4, true]);
  assert.equal(resultOf((c) => (c.compare('a', [2], [1], 2), c.compare('b', [2], [1], 2))).worst?.tensor, 'a');
  assert.is(resultOf((c) => (c.compare('exact', [1], [1], 0), c.compare('off', [1.5], [1], 1))).worst?.tensor, 'off');
  assert.is(resultOf((c) => c.compare('exact', [1], [1], 0)).passed, true, 'nothing off is within no tolerance');
});

test('a way is off by the distance of its end, as a share of its length', () => {
  const way = (got: number[], want: number[], start: number[]) =>
    resultOf((c) => c.compareWay('w', got, want, start, 0.5));
  const { worst, passed, tensors } = way([3, 1], [3, 4], [0, 0]);
  assert.equal([worst?.error, passed, tensors], [3 / 5, false, 1]);
  assert.equal([way([3, 4], [3, 4], [3, 4]).worst?.error, way([3, 2], [3, 4], [0, 0]).passed], [0, true]);
  assert.is(way([1], [1, 2], [0, 0]).problem, 'w: 1 values, the reference has 2');
  assert.is(way([1, 2], [1, 2], [0]).problem, 'w: 2 values, the reference has 2');
});

test('the first problem is told, cut if it is long; what a fixture lacks is no problem', () => {
  const failed = resultOf((c) => {
    c.compare('x', [1], [1], 1);
    c.fail('x'.repeat(2000));
    c.fail('another');
    c.lack('gradients');
  });
  assert.equal([failed.passed, failed.problem?.length, failed.lacks], [false, 1000, ['gradients']]);
  const comparison = new Comparison('f', 'c');
  assert.ok(comparison.isEmpty);
  comparison.lack('all');
  assert.ok(comparison.isEmpty);
  comparison.fail('wrong');
  assert.not(comparison.isEmpty);
  const compared = new Comparison('f', 'c');
  compared.compare('x', [1], [1], 1);
  assert.not(compared.isEmpty);
});

test('a tensor of ours is brought into the layout of a fixture, which may ask a message too', () => {
  const values = Float32Array.from({ length: 12 }, (_, i) => i);
  assert.is(inLayout(values, [2, 3, 2], 'same'), values);
  const swapped = [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11];
  assert.equal([...inLayout(values, [2, 3, 2], 'sequence first')], swapped);
  assert.equal([...inLayout(values, [3, 4], 'transposed')], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  assert.equal([...inLayout(values, [2, 3, 2], 'channels first')], [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  assert.equal([...inLayout(values, [3, 2, 2], 'channels first')], [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11]);
  // two sequences of three tokens of two numbers, then three tokens of two sequences
  assert.equal([...withoutMessage(values, [2, 3, 2], 'same') as number[]], [0, 1, 2, 3, 6, 7, 8, 9]);
  assert.equal([...withoutMessage(values, [3, 2, 2], 'sequence first') as number[]], [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('an activation of a fixture is one of ours, by its name in either code', () => {
  assert.equal([sourceOf('hf', 'act.vision.layer11.self_attn'),
    sourceOf('hf', 'act.prompts_generator.layer1.cross_attn'), sourceOf('hf', 'out.logits_per_text'),
    sourceOf('official', 'act.visual.block2.attn.LND'), sourceOf('official', 'act.visual.conv1'),
    sourceOf('official', 'out.logits_per_text')], [{ tap: 'visual.block11.attn', layout: 'same', hasMessage: true }, {
    tap: 'prompts_generator.layer1.cross_attn',
    layout: 'same',
    hasMessage: false,
  }, {
    tap: 'logits',
    layout: 'transposed',
    hasMessage: false,
  }, { tap: 'visual.block2.attn', layout: 'sequence first', hasMessage: true }, { tap: 'visual.conv1',
    layout: 'channels first', hasMessage: false }, undefined]);
});

/** A description of that name in the folder, as it is read. */
const described = (json: unknown, name = 'some') =>
  new FixtureFile(join(folder, name), json, (file) => FileBytes.open(file));

test('a fixture is known by its reference, or by what it holds', () => {
  const isKind = (json: object) => {
    try {
      return kindOf(described(json));
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(
    [{ reference: 'huggingface transformers XCLIPModel 4' }, { reference: 'microsoft/VideoX X-CLIP x' }, { ops: [] }, {
      reference: 'CLIP SimpleTokenizer',
    }, { reference: 'timm CosineLRScheduler' }, { reference: 'VideoX datasets/blending.py' }, {
      cases: [{ templates: 1, scale: 1 }],
    }, { cases: [{ betas: [], lrs: [] }] }].map(isKind),
    ['hf', 'official', 'ops', 'tokenizer', 'schedule', 'blending', 'templates', 'adamw'],
  );
  for (const json of [{ cases: [{ templates: 1 }] }, { cases: [{ scale: 1 }] }, { cases: [{ betas: [] }] }, { cases: [{
    lrs: [],
  }] }, { reference: 3 }, { cases: [null] }, { cases: [] }]) {
    assert.match(isKind(json), /^some\.json: unknown kind of fixture \(reference: none\)$/);
  }
  assert.match(isKind({ reference: 'a new one' }), /\(reference: a new one\)$/);
});

test('tensors are numbers of a kind, found by name, and a description is an object', async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeSafetensors([{ name: 'in.x', shape: [2] }, { name: 'out.y', shape: [1] }],
    (name) => (name === 'in.x' ? Float32Array.of(1, 2) : Float32Array.of(3)))) pieces.push(piece);
  const path = join(folder, 'some.part.safetensors');
  writeFileSync(path, Buffer.concat(pieces));
  const tensors = await described({}).tensors('part');
  assert.equal([tensors.names(), tensors.names('in.'), tensors.has('in.x'), tensors.has('x')], [['in.x', 'out.y'], [
    'in.x',
  ], true, false]);
  assert.equal([[...tensors.floats('in.x')], tensors.get('out.y').shape], [[1, 2], [1]]);
  assert.throwsWith(() => tensors.get('z'), `${path}: there is no tensor "z"`);
  assert.throwsWith(() => tensors.integers('in.x'),
    `${path}: tensor "in.x" holds floating-point numbers, expected integers`);
  const whole = new FixtureTensors('p', new Map([['i', { shape: [1], values: Int32Array.of(1) }]]));
  assert.equal([...whole.integers('i')], [1]);
  assert.throwsWith(() => whole.floats('i'), 'p: tensor "i" holds integers, expected floating-point numbers');
  assert.throwsWith(() => described([1]), `${join(folder, 'some')}.json: expected an object, got [1]`);
  for (const name of ['b', 'a']) writeFileSync(join(folder, `${name}.json`), '{}');
  assert.equal((await readFixtures(folder)).map(({ name }) => name), ['a', 'b']);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await assert.rejectsWith(readFixtures(empty), `${empty}: holds no fixture (no .json file)`);
  writeFileSync(join(empty, 'one.json'), '{}');
  assert.equal((await readFixtures(empty)).map(({ name }) => name), ['one']);
  await assert.rejectsWith(verifyTokenizer(described({ cases: 3 }), undefined),
    'some.json: cases: Invalid input: expected array, received number');
});

test('a schedule of a fixture that is off by a part in a billion fails, as does a group that nobody knows', () => {
  const rates = [0, 0, 1, 1 + Math.cos(Math.PI / 4)];
  const of = (lr: readonly number[], groups = ['base']) => {
    const [result] = verifySchedule(
      described({
        cases: [{ base_lr: 2, epochs: 2, iters_per_epoch: 4, warmup_epochs: 0.5, lr_min: 0, groups,
          lr_used_at_iteration: lr.map((rate) => groups.map(() => rate)) }],
      }),
    );
    return result;
  };
  const right = of(rates);
  assert.equal([right.passed, right.check, right.tensors, right.worst?.tolerance], [true, 'schedule 0: 2 epochs of 4',
    1, 1e-12 * rates[3]]);
  assert.is(of([0, 0, 1, rates[3] + 1e-9]).passed, false);
  assert.is(of(rates, ['x11']).problem, 'unknown group "x11"');
  assert.is(of(rates, ['base', 'x10']).passed, false, 'a group at ten times the rate');
});

test("token ids are compared text by text, named by the text's first forty letters", async () => {
  const [result] = await verifyTokenizer(
    described({ cases: [{ text: 'a'.repeat(50), ids: [] }, { text: 'a', ids: [320] }] }),
    undefined,
  );
  assert.equal([result.tensors, result.passed], [2, false]);
  assert.match(result.problem ?? '', /^"a{40}": \d+ values, the reference has 0$/);
  const [off] = await verifyTokenizer(described({ cases: [{ text: 'a', ids: [321] }] }), undefined);
  assert.equal([off.passed, off.worst], [false, { tensor: '"a"', error: 1, tolerance: 0 }]);
});

test.run();
