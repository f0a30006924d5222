/** Which clips of a run are shown, and how small their frames become. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import type { System } from '../model/systems/system.ts';
import { writePng } from '../train/data/video/stills.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';
import { clipPredictions, type Shown, worthShowing } from '../train/protocols/clips.ts';
import { shrunk } from '../train/protocols/seen.ts';
import { trainingPreprocessor } from '../train/run/system.ts';

/** A clip of class `label` that was taken for `guess`. */
const prediction = (index: number, label: number, guess: number, probability: number): Prediction => ({ index, label,
  ranking: [{ label: guess, probability }] });

test('successes come from all over the classes, mistakes are the surest ones, each class once', () => {
  // ten clips of each of 40 classes in the order of a list; of every fourth class, the last clip is wrong
  const predictions = Array.from({ length: 400 }, (_, i) => {
    const label = Math.floor(i / 10);
    const isWrong = label % 4 === 0 && i % 10 >= 8;
    return prediction(i, label, isWrong ? label + 1 : label, isWrong ? 0.3 + label / 100 + (i % 10) / 1000 : 0.9);
  });
  const shown = worthShowing(predictions);
  assert.equal(shown.map(({ label }) => label), [0, 8, 16, 24, 32, 36, 32, 28]);
  assert.equal(shown.slice(5).map(({ index }) => index), [369, 329, 289]);
  assert.equal(worthShowing(predictions), shown);
});

test('a run with few successes, or without mistakes, shows what there is', () => {
  assert.equal(worthShowing([{ index: 0, label: 1, ranking: [], unreadable: 'it is cut off' }]), []);
  assert.equal(worthShowing([prediction(0, 1, 1, 0.5)]).map(({ index }) => index), [0]);
  assert.equal(worthShowing([prediction(0, 1, 2, 0.5), prediction(1, 1, 2, 0.6), prediction(2, 0, 1, 0.4)]).map((
    { index },
  ) => index), [1, 2]);
});

test('frames of the model become pictures of at most 112 pixels, each the mean of a square', () => {
  const side = 225; // three pixels to one: 75
  const values = new Float32Array(2 * 3 * side * side);
  values[(1 * 3 + 2) * side * side + 4 * side + 7] = 90; // frame 1, blue, x 7, y 4
  values[0] = 2700; // beyond what a byte holds
  const { width, height, count, rgb } = shrunk(values, 2, side);
  assert.equal([width, height, count], [75, 75, 2]);
  const lit = [...rgb.entries()].filter(([, value]) => value > 0);
  assert.equal(lit, [[0, 255], [((1 * 75 + 1) * 75 + 2) * 3 + 2, 10]]);
  assert.equal([...shrunk(Float32Array.of(1.4, 2.6, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 1, 2).rgb], [1, 5, 9, 3, 6, 10, 3,
    7, 11, 4, 8, 12]);
});

test('every pixel of a small picture is the mean of its own square', () => {
  const [side, factor, small] = [230, 3, 76]; // two rows and columns are left out
  const values = Float32Array.from({ length: 3 * side * side }, (_, i) => (i * 7919) % 256);
  const { rgb } = shrunk(values, 1, side);
  for (let i = 0; i < rgb.length; i++) {
    const [y, x, channel] = [Math.floor(i / 3 / small), Math.floor(i / 3) % small, i % 3];
    let sum = 0;
    for (let row = factor * y; row < factor * (y + 1); row++) {
      for (let column = factor * x; column < factor * (x + 1); column++) {
        sum += values[(channel * side + row) * side + column];
      }
    }
    assert.is(rgb[i], Math.round(sum / factor ** 2), `${channel}, ${y}, ${x}`);
  }
});

test('a clip is shown as the model was given it, with its file and folder, and three guesses', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-shown-'));
  await using gpu = await open();
  try {
    const paths = [0, 1].map((i) => join(folder, `${i}.png`));
    // grey, whose chroma is that of any block
    for (const [i, path] of paths.entries()) writePng(path, new Uint8Array(3 * 64).fill(60 + 100 * i), 8, 8);
    const system = { model: { input: { frames: 2, size: 4, type: 'f32' } },
      preprocessor: trainingPreprocessor(4, false) } as unknown as System;
    const names = ['a', 'b', 'c', 'd'];
    const shown = paths.map((path, i): Shown => ({ entry: { path, label: 9 }, names, ...(i === 1 && { unseen: true }),
      prediction: { index: 7, label: 1 + i,
        ranking: [3, 1, 0, 2].map((label) => ({ label, probability: label / 8 })) } })
    );
    const clips = await clipPredictions(gpu, system, shown, { frames: 2, size: 4, crop: false, seed: 0 });
    const own = folder.split('/').at(-1);
    assert.equal(clips.map(({ file, label, unseen, top }) => [file, label, unseen, top]), [0, 1].map((i) => [
      `${own}/${i}.png`,
      names[1 + i],
      i === 1,
      [{ label: 'd', probability: 0.375 }, { label: 'b', probability: 0.125 }, { label: 'a', probability: 0 }],
    ]));
    for (const [i, { frames: { width, height, count, rgb } }] of clips.entries()) {
      assert.equal([width, height, count, rgb], [4, 4, 2, new Uint8Array(2 * 48).fill(60 + 100 * i)]);
    }
    assert.is(gpu.pool.live, 0, 'nothing is left on the GPU');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
