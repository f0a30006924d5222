/** The minified texts of the package compute what those compute that a person wrote, bit for bit. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { Runs } from '../kernels/checking/runs.ts';
import { storages } from '../kernels/checking/storage.ts';
import { rooms } from '../kernels/index.ts';
import { ROOT } from '../package/exports.ts';
import { minified } from '../package/minify.ts';
import { textsOf } from '../package/texts.ts';
import { Bits } from './bits.ts';

const paths = textsOf(ROOT).filter((path) => path.endsWith('.wgsl'));
const edits = Object.fromEntries(await Promise.all(
  paths.map(async (
    path,
  ) => [path.split(/[\\/]/).slice(-2).join('/'), await minified(readFileSync(path, 'utf8'), path)]),
)) as Record<string, string>;
const written = await open();
const small = await open({ edits });

for (const room of rooms) {
  test(`${room.name}: a case has equal bits, output and gradient, in every variant and in f16`, async () => {
    const [item] = room.cases;
    assert.is(item.skip?.(written), undefined);
    for (const { sources } of room.kernels) assert.ok(small.edits.touch(sources));
    const runs = new Runs(written, room).of(0);
    const half = storages(written, item).filter((storage) => storage !== 'f32').slice(0, 1);
    for (const [run, storage] of [...runs.map((each) => [each, 'f32'] as const), ...half.map((each) =>
      [new Map(), each] as const
    )]) {
      const [before, after] = [new Bits(), new Bits()];
      before.add(room.name, await runCase(written, item, run, storage));
      after.add(room.name, await runCase(small, item, run, storage));
      assert.is(after.total(), before.total());
      assert.is(after.lines().length, 1);
    }
  });
}

test.after(async () => {
  await written.close();
  await small.close();
});
test.run();
