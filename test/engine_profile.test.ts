/** Timestamps of a profile: which set and places each dispatch has, and what becomes of them; nothing here runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, type Gpu } from '../engine/index.ts';
import { kernelRun, profile } from '../engine/profile.ts';
import type { Dispatch, PassTimer } from '../engine/recorder.ts';

const dispatch = (label: string) => ({ label, settings: 'f32', grid: [2, 3, 1] }) as unknown as Dispatch;

/** A context whose clock is at 100 when a dispatch begins, and 7 more at its end, and so on by 10. */
function fake(features = ['timestamp-query']) {
  const said: string[] = [];
  const recorder = { timer: undefined as PassTimer | undefined, flush: () => {
    said.push('flush');
    recorder.timer?.resolve({
      resolveQuerySet: (_: unknown, first: number, count: number, __: unknown, at: number) =>
        void said.push(`resolve ${first}+${count} at ${at}`),
    } as unknown as GPUCommandEncoder);
  } };
  let queries = 0;
  const gpu = {
    name: 'a card',
    features: new Set(features),
    recorder,
    buffers: { create: (_: string, bytes: number, usage: number) => said.push(`buffer of ${bytes} ${usage}`),
      destroy: () => void said.push('destroy buffer') },
    attempt: <T>(make: () => T) => make(),
    device: { createQuerySet: ({ count }: { count: number }) => {
      said.push(`set of ${count}`);
      return { number: queries++, destroy: () => void said.push('destroy set') };
    } },
    readBuffers: (ranges: readonly { readonly offset: number; readonly bytes: number }[]) => {
      said.push(`read ${ranges.map(({ offset, bytes }) => `${offset}+${bytes}`).join(' ')}`);
      let at = 0;
      return Promise.resolve(ranges.map(({ bytes }) =>
        BigUint64Array.from({ length: bytes / 8 }, () => {
          const stamp = 100 + 10 * Math.floor(at / 2) + (at % 2 === 0 ? 0 : 7);
          at++;
          return BigInt(stamp);
        }).buffer
      ));
    },
  };
  return { gpu: gpu as unknown as Gpu, recorder, said: () => said.splice(0).join(', ') };
}

test('a dispatch is called by its kernel, and its program by all that makes its work', () => {
  assert.equal(kernelRun(dispatch('gelu.only')), { kernel: 'gelu.only',
    program: 'gelu.only f32 on 2 × 3 × 1 workgroups' });
});

test('each dispatch has two stamps of its own, times count from the first, and all is given back', async () => {
  const { gpu, recorder, said } = fake();
  const writes: (GPUComputePassTimestampWrites | undefined)[] = [];
  const times = await profile(gpu, () => {
    for (const label of ['a', 'b', 'c']) writes.push(recorder.timer?.stamp(dispatch(label)));
  });
  assert.equal(writes.map((write) => [write?.beginningOfPassWriteIndex, write?.endOfPassWriteIndex]), [[0, 1], [2, 3], [
    4,
    5,
  ]]);
  assert.equal(times.map(({ kernel, start, nanoseconds }) => [kernel, start, nanoseconds]), [['a', 0, 7], ['b', 10, 7],
    ['c', 20, 7]]);
  assert.is(said(), 'flush, set of 4096, buffer of 32768 516, flush, resolve 0+6 at 0, read 0+48, flush, destroy set, '
    + 'destroy buffer');
  assert.is(recorder.timer, undefined);
});

test('a set has the stamps of 2048 dispatches, and the next one those of more', async () => {
  for (const [count, sets] of [[2048, 1], [2049, 2], [4097, 3]]) {
    const { gpu, recorder, said } = fake();
    const places = new Set<string>();
    const times = await profile(gpu, () => {
      for (let i = 0; i < count; i++) {
        const write = recorder.timer?.stamp(dispatch('k'));
        const set = write?.querySet as unknown as { number: number } | undefined;
        places.add(`${set?.number} ${write?.beginningOfPassWriteIndex}`);
      }
    });
    assert.equal([times.length, places.size], [count, count]);
    assert.ok(times.every(({ start, nanoseconds }, i) => start === 10 * i && nanoseconds === 7));
    const last = 2 * count - 4096 * (sets - 1);
    const all = Array.from({ length: sets }, (_, i) => (i < sets - 1 ? 4096 : last));
    const told = said();
    assert.is(told.split('set of 4096').length - 1, sets);
    assert.match(told, `${
      all.map((stamps) => `resolve 0+${stamps} at 0`).join(', ')
    }, read ${all.map((stamps) => `0+${8 * stamps}`).join(' ')}`);
  }
});

test('without timestamps there is none, and after an error none is left', async () => {
  const error = await assert.rejectsWith(profile(fake([]).gpu, () => undefined), FirstlightError);
  assert.equal([error.code, error.message], ['FL_FEATURE', 'a card has no timestamp-query']);
  const { gpu, recorder, said } = fake();
  await assert.rejectsWith(profile(gpu, () => {
    recorder.timer?.stamp(dispatch('k'));
    throw new Error('in the middle');
  }), 'in the middle');
  assert.equal([recorder.timer, said().split(', ').slice(-3)], [undefined, ['flush', 'destroy set', 'destroy buffer']]);
});

test.run();
