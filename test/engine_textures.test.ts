/** Which slot what is packed into a texture gets, what has to be packed again, and which slots share a texture. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { Command } from '../engine/command.ts';
import { Storage } from '../engine/storage.ts';
import { planTextures } from '../engine/texture_plan.ts';
import { type Content, textureBytes, Textures, TextureSlots, type TextureSize } from '../engine/textures.ts';
import { Recording } from '../engine/recording.ts';
import { nullGpu } from './null_gpu.ts';

const memory = () => new Storage(1024);
const content = (storage: Storage, other: Partial<Content> = {}): Content => ({ storage, offset: 0, bytes: 256,
  form: 'f32', size: [2, 3, 4], ...other });
/** Slots, with a cross behind those that have to be filled. */
const claimed = (slots: TextureSlots, ...contents: Content[]) =>
  slots.claim(contents).map(({ slot, isFilled }) => `${slot}${isFilled ? '' : '+'}`).join(' ');

test('a texture takes 16 bytes for each of its texels', () => {
  assert.is(textureBytes([2, 3, 4]), 384);
});

test('what was packed is found again while nothing is written to it, in the form and the place that it has', () => {
  const slots = new TextureSlots({ keeps: false });
  const [a, b] = [memory(), memory()];
  assert.is(claimed(slots, content(a), content(b)), '0+ 1+');
  assert.is(claimed(slots, content(b), content(a)), '1 0');
  assert.is(claimed(slots, content(a), content(a)), '0 0', 'twice the same is one');
  for (const other of [{ offset: 256 }, { bytes: 128 }, { form: 'f16' }]) {
    assert.is(claimed(new TextureSlots({ keeps: false }), content(a), content(a, other)), '0+ 1+');
  }
  a.noteWrite(256, 4);
  assert.is(claimed(slots, content(a)), '0', 'written beside it');
  a.noteWrite(252, 4);
  assert.is(claimed(slots, content(b), content(a)), '1 0+');
  assert.is(claimed(slots, content(a)), '0');
});

test('what was not asked for for longest gives way, and nothing that is asked for with the new one', () => {
  const slots = new TextureSlots({ keeps: false });
  const [a, b, c, d] = Array.from({ length: 4 }, () => content(memory()));
  assert.is(claimed(slots, a), '0+');
  assert.is(claimed(slots, b), '1+');
  assert.is(claimed(slots, a), '0');
  assert.is(claimed(slots, c), '1+', 'b was used before a');
  assert.is(claimed(slots, d, c), '0+ 1');
  assert.is(claimed(slots, a, d), '1+ 0');
  assert.throwsWith(() => slots.claim([b, c, content(memory())]), RangeError, 'more than 2 textures at once');
  slots.clear();
  assert.is(claimed(slots, c), '0+');
});

test('in a recording what is wanted again has a slot of its own, in a stream it has not', () => {
  const kept = () => content(memory(), { isKept: true });
  const [a, b, c] = [kept(), kept(), content(memory())];
  const recording = new TextureSlots({ keeps: true });
  assert.is(claimed(recording, a, c), '2+ 0+');
  assert.is(claimed(recording, b), '3+');
  assert.is(claimed(recording, a, b), '2 3');
  assert.is(claimed(new TextureSlots({ keeps: false }), a, b), '0+ 1+');
});

test('a slot must have room for the largest of its contents on each axis', () => {
  const slots = new TextureSlots({ keeps: false });
  for (const size of [[2, 9, 4], [5, 3, 4], [1, 1, 6]] as const) slots.claim([content(memory(), { size })]);
  assert.equal([...slots.largest], [[0, [2, 9, 6]], [1, [5, 3, 4]]]);
});

/** Memory that counts who looks at it. */
class Watched extends Storage {
  watches = 0;

  override watch(offset: number, bytes: number) {
    this.watches++;
    return super.watch(offset, bytes);
  }

  override unwatch(watch: ReturnType<Storage['watch']>): void {
    this.watches--;
    super.unwatch(watch);
  }
}

test('memory is looked at as long as a slot holds what was packed of it, in a recording until that is over', () => {
  const slots = new TextureSlots({ keeps: false });
  const storages = [1, 2, 3].map(() => new Watched(1024));
  const seen = () => storages.map(({ watches }) => watches).join(' ');
  slots.claim(storages.slice(0, 2).map((storage) => content(storage)));
  slots.claim([content(storages[0])]);
  assert.is(seen(), '1 1 0');
  slots.claim([content(storages[2])]);
  assert.is(seen(), '1 0 1');
  slots.clear();
  assert.is(seen(), '0 0 0');
  const recording = new Recording();
  recording.textures.claim([content(storages[0]), content(storages[1], { isKept: true })]);
  assert.is(seen(), '1 1 0');
  recording.release(() => undefined);
  assert.is(seen(), '0 0 0');
});

test('a texture grows on the axes that it lacks, counted as what it takes, and is given back', async () => {
  const gpu = await nullGpu();
  const { reserved } = gpu.pool;
  const textures = new Textures(gpu.buffers, new Map([[5, 0]]));
  const taken = () => gpu.pool.reserved - reserved;
  assert.is(textures.has({ slot: 0, size: [1, 1, 1] }), false);
  textures.grow({ slot: 0, size: [4, 2, 3] });
  assert.is(taken(), 16 * 24);
  for (const [size, fits] of [[[4, 2, 3], true], [[1, 1, 1], true], [[5, 2, 3], false], [[4, 3, 3], false], [[4, 2, 4],
    false]] as const) assert.is(textures.has({ slot: 0, size }), fits, `${size}`);
  const [before, created] = [textures.of({ slot: 0, size: [1, 1, 1] }), gpu.counts.texturesCreated];
  textures.grow({ slot: 0, size: [2, 5, 1] });
  assert.is(taken(), 16 * 4 * 5 * 3, 'the one before is gone');
  textures.grow({ slot: 1, size: [1, 1, 1] });
  const after = [0, 1, 5].map((slot) => textures.of({ slot, size: [1, 1, 1] }));
  assert.equal([after[2] === after[0], new Set([before, ...after].map(({ id }) => id)).size], [true, 3]);
  assert.is(gpu.counts.texturesCreated, created + 2);
  textures.clear();
  assert.equal([taken(), textures.has({ slot: 0, size: [1, 1, 1] })], [0, false]);
});

/** Commands that use so many slots each, in their order. */
const using = (...slots: readonly (readonly number[])[]) =>
  slots.map((of) => ({ kind: 'dispatch',
    resources: of.map((slot) => ({ kind: 'texture_read', texture: { slot } })) })
  ) as unknown as Command[];
const sized = (...sizes: readonly TextureSize[]) =>
  ({ largest: new Map(sizes.map((size, slot) => [slot, size])) }) as unknown as TextureSlots;

test('slots of one size that no two commands need at the same time share a texture', () => {
  const size: TextureSize = [1, 2, 3];
  const plan = planTextures(sized(size, size, size, [2, 2, 3], size), using([0], [1], [0], [2, 3], [4]));
  // the first is in use until the second has been; then it is free, for another one and then for a third
  assert.equal([...plan.shares], [[2, 0], [4, 0]]);
  assert.equal([...plan.sizes], [[0, size], [1, size], [3, [2, 2, 3]]]);
  assert.is(plan.bytes, 16 * (6 + 6 + 12));
});

test('slots that one command uses, or that meet in one, have textures of their own', () => {
  const size: TextureSize = [1, 2, 3];
  assert.equal([...planTextures(sized(size, size), using([0, 1])).shares], []);
  assert.equal([...planTextures(sized(size, size), using([0], [0, 1])).shares], []);
  assert.equal([...planTextures(sized(size, size), using([0], [1])).shares], [[1, 0]]);
  const turns = planTextures(sized(size, size, size), using([0], [1], [2]));
  assert.equal([...turns.shares], [[1, 0], [2, 0]], 'one texture for all three');
  const busy = planTextures(sized(size, size, size), using([0], [1], [2], [1]));
  assert.equal([...busy.shares], [[1, 0]], 'which the second needs up to the end');
  assert.equal(planTextures(sized(), []), { sizes: new Map(), shares: new Map(), bytes: 0 });
});

test.run();
