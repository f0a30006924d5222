import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { PathError, VideoDecodeError } from '../engine/errors.ts';
import { crc32 } from '../engine/crc32.ts';
import { Random } from '../engine/random.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { i420ToRgb } from '../train/data/video/i420.ts';
import { readLabels, readList } from '../train/data/sets/lists.ts';
import { CAPTIONS, CLASS_NAMES, combinationOf, drawClip, drawStill, FRAMES, isUnseen, MOTIONS, reversed, SEEN, SIDE,
  UNSEEN } from '../train/moving_shapes/scenes.ts';
import { type MovingShapesFolder, writeMovingShapes } from '../train/moving_shapes/files.ts';
import { type Shape, paint, SHAPES } from '../train/moving_shapes/shapes.ts';
import { trainingPreprocessor } from '../train/run/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-shapes-'));
const SQUARE = trainingPreprocessor(SIDE, false);
const SIZES = { train: 120, testSeen: 6, testUnseen: 24, stills: 16 };
const ids = CLASS_NAMES.map((_, id) => id);

test('there are 144 different sentences, 24 of them unseen', () => {
  assert.is(new Set(CLASS_NAMES).size, 144);
  assert.equal([SEEN.length, UNSEEN.length], [120, 24]);
  assert.ok(CLASS_NAMES.includes('a red square moving left') && CLASS_NAMES.includes('a cyan cross growing big'));
  assert.is(new Set(CAPTIONS).size, 432);
  assert.ok(CAPTIONS.includes('a big red square up left'));
});

test('a seed gives the same pictures as ever: results of other versions stay comparable', () => {
  const sum = (frames: readonly Uint8Array[]) => crc32(Buffer.concat(frames)).toString(16);
  const clips = [0, 31, 62, 87, 118, 143].map((id) => sum(drawClip(new Random(1, `clip ${id}`), id)));
  const stills = [0, 200, 431].map((caption) => sum([drawStill(new Random(1, `still ${caption}`), caption)]));
  assert.equal(clips, ['1fafa539', '5d6512ee', 'd53267f5', 'e112cd1a', '8fe1f489', 'e08d482f']);
  assert.equal(stills, ['6aa6ee5f', '5a10b902', '1176bee']);
});

test('the reversed class has the same colour and shape and the opposite motion', () => {
  for (const id of ids) {
    assert.is(reversed(reversed(id)), id);
    const [here, there] = [combinationOf(id), combinationOf(reversed(id))];
    assert.equal([here.colour, here.shape], [there.colour, there.shape]);
    const opposites = [MOTIONS[here.motion], MOTIONS[there.motion]].sort();
    assert.ok(
      [['moving left', 'moving right'], ['moving down', 'moving up'], ['growing big', 'shrinking small']].some((pair) =>
        pair.join() === opposites.join()
      ),
      opposites.join(),
    );
  }
});

test('a class is unseen if and only if its reverse is, so colour and shape never give away the direction', () => {
  for (const id of ids) assert.is(isUnseen(id), isUnseen(reversed(id)), CLASS_NAMES[id]);
});

test('every colour, shape and motion is as often among the unseen as the others, and every pair of words is seen', () => {
  for (const part of ['colour', 'shape', 'motion'] as const) {
    const counts = new Map<number, number>();
    for (const id of UNSEEN) counts.set(combinationOf(id)[part], (counts.get(combinationOf(id)[part]) ?? 0) + 1);
    assert.is(new Set(counts.values()).size, 1, part);
  }
  const pairs = (list: readonly number[]) =>
    new Set(list.flatMap((id) => {
      const { colour, shape, motion } = combinationOf(id);
      return [`c${colour}s${shape}`, `c${colour}m${motion}`, `s${shape}m${motion}`];
    }));
  const seen = pairs(SEEN);
  for (const pair of pairs(ids)) assert.ok(seen.has(pair), `${pair} never occurs in training`);
});

test('a clip of the reversed class is the same clip backwards, pixel by pixel', () => {
  for (const id of ids) {
    const clip = drawClip(new Random(5, `clip ${id}`), id);
    assert.is(clip.length, FRAMES);
    assert.equal(drawClip(new Random(5, `clip ${id}`), reversed(id)), clip.reverse());
  }
});

test('a clip shows something else in every frame', () => {
  for (const id of ids) {
    assert.is(
      new Set(drawClip(new Random(6, `clip ${id}`), id).map((frame) => Buffer.from(frame).toString('base64'))).size,
      FRAMES,
    );
  }
});

interface Seen {
  readonly x: number;
  readonly y: number;
  readonly area: number;
}

/**
 * Where the shape is in a picture, found by its colour: the ground is nearly grey. Colours of classes are saturated.
 */
function look(rgb: Uint8Array): Seen {
  let [x, y, area] = [0, 0, 0];
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    const [r, g, b] = rgb.subarray(3 * pixel, 3 * pixel + 3);
    if (Math.max(r, g, b) - Math.min(r, g, b) < 80) continue;
    x += (pixel % SIDE) + 0.5;
    y += Math.floor(pixel / SIDE) + 0.5;
    area++;
  }
  return { x: x / area, y: y / area, area };
}

test('motions do what they say', () => {
  const direction: Record<string, (from: Seen, to: Seen) => number> = {
    'moving left': (from, to) => from.x - to.x,
    'moving right': (from, to) => to.x - from.x,
    'moving up': (from, to) => from.y - to.y,
    'moving down': (from, to) => to.y - from.y,
    'shrinking small': (from, to) => Math.sqrt(from.area) - Math.sqrt(to.area),
    'growing big': (from, to) => Math.sqrt(to.area) - Math.sqrt(from.area),
  };
  for (const id of ids) {
    const clip = drawClip(new Random(7, `clip ${id}`), id);
    const moved = direction[MOTIONS[combinationOf(id).motion]](look(clip[0]), look(clip[FRAMES - 1]));
    assert.ok(moved > 2, `${CLASS_NAMES[id]}: ${moved}`);
  }
});

test('a single frame has the same distribution of places and sizes in every motion', () => {
  const clips = 240;
  const statistics = MOTIONS.map((_, motion) => {
    const frames = Array.from({ length: clips }, (_, i) => {
      const clip = drawClip(new Random(8, `${motion} ${i}`), motion + MOTIONS.length); // a red circle
      return look(clip[new Random(8, `frame ${motion} ${i}`).below(FRAMES)]);
    });
    const moments = (values: number[]) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / clips;
      return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / clips)];
    };
    return [...moments(frames.map(({ x }) => x)), ...moments(frames.map(({ y }) => y)),
      ...moments(frames.map(({ area }) => Math.sqrt(area)))];
  });
  // Means and deviations of 240 frames each; 4 standard errors of a place (4.4 pixels) and of a size (1.5 pixels).
  const tolerance = [1.14, 0.8, 1.14, 0.8, 0.39, 0.28];
  for (const [motion, values] of statistics.entries()) {
    for (const [k, value] of values.entries()) {
      const mean = statistics.reduce((sum, other) => sum + other[k], 0) / statistics.length;
      assert.ok(Math.abs(value - mean) < tolerance[k],
        `${MOTIONS[motion]}, statistic ${k}: ${value.toFixed(2)}, others ${mean.toFixed(2)}`);
    }
  }
});

test('stills show what their captions say', () => {
  for (const [caption, text] of CAPTIONS.entries()) {
    const { x, y, area } = look(drawStill(new Random(9, `still ${caption}`), caption));
    const big = text.replace('small', 'big');
    assert.is(text.includes('left'), x < 13, `${text}: x ${x}`);
    assert.is(text.includes('right'), x > 19, `${text}: x ${x}`);
    assert.is(text.includes('up'), y < 13, `${text}: y ${y}`);
    assert.is(text.includes('down'), y > 19, `${text}: y ${y}`);
    const { area: bigArea } = look(drawStill(new Random(9, `still of ${big}`), CAPTIONS.indexOf(big)));
    assert.ok(big === text || bigArea > area, `${text}: area ${area}; ${big}: ${bigArea}`);
  }
});

test('shapes are drawn smoothly: coverage follows a shift of a tenth of a pixel, and the area does not change', () => {
  const cover = (shape: Shape, x: number) => {
    const canvas = { side: 32, rgb: new Float32Array(3 * 32 * 32) };
    paint(canvas, shape, { x, y: 16.3, radius: 6 }, [1, 1, 1]);
    const columns = Array.from({ length: 32 },
      (_, column) =>
        Array.from({ length: 32 }, (_, row) => canvas.rgb[3 * (row * 32 + column)]).reduce((a, b) => a + b));
    const area = columns.reduce((a, b) => a + b);
    return { area, centre: columns.reduce((sum, value, column) => sum + value * (column + 0.5), 0) / area };
  };
  for (const shape of SHAPES) {
    const { area: areaAtRest } = cover(shape, 16);
    for (let tenth = 0; tenth < 10; tenth++) {
      const { area, centre } = cover(shape, 16 + tenth / 10);
      assert.ok(Math.abs(centre - (16 + tenth / 10)) < 0.06, `${shape}: centre ${centre}, expected ${16 + tenth / 10}`);
      assert.ok(Math.abs(area / areaAtRest - 1) < 0.03, `${shape}: area ${area}, at rest ${areaAtRest}`);
    }
  }
});

let written: MovingShapesFolder;

const entriesOf = ({ folder: root }: MovingShapesFolder, list: string, classes: number) =>
  readList(list, { root, names: Array.from({ length: classes }, (_, label) => `class ${label}`), firstLabel: 0 })
    .entries;

test('the data set is written as video files, pictures and lists that are read back', async () => {
  const calls: number[][] = [];
  written = await writeMovingShapes(join(folder, 'set'), 3, SIZES, (...call) => calls.push(call));
  assert.is(written.reused, false);
  assert.equal([calls.length, calls.at(-1)], [166, [166, 166]]);
  assert.equal(readLabels(written.labels.seen), SEEN.map((id) => CLASS_NAMES[id]));
  assert.equal(readLabels(written.labels.unseen), UNSEEN.map((id) => CLASS_NAMES[id]));
  assert.equal(readLabels(written.labels.captions), CAPTIONS);
  const train = entriesOf(written, written.lists.train, 120);
  assert.equal(train.map(({ label }) => SEEN[label]).sort((a, b) => a - b), SEEN, 'each seen class once');
  assert.ok(train.some(({ path }) => path.endsWith('.mp4')) && train.some(({ path }) => path.endsWith('.webm')));
  assert.ok(entriesOf(written, written.lists.testSeen, 120).every(({ label }) => !isUnseen(SEEN[label])));
  assert.equal(
    entriesOf(written, written.lists.testUnseen, 24).map(({ label }) => UNSEEN[label]).sort((a, b) => a - b),
    UNSEEN,
  );
  assert.is(entriesOf(written, written.lists.stills, 432).length, 16);
});

const SMALL = { train: 6, testSeen: 1, testUnseen: 1, stills: 2 };
const small = (seed: number) => writeMovingShapes(join(folder, 'small'), seed, SMALL);
const marker = () => readFileSync(join(folder, 'small', 'moving_shapes.json'), 'utf8');

test('a seed gives the same files of the same classes as ever', async () => {
  const { lists, folder: set } = await writeMovingShapes(join(folder, 'named'), 3, { train: 12, testSeen: 2,
    testUnseen: 3, stills: 4 });
  const listed = (list: string, part: string, ending = 'mp4') =>
    readFileSync(list, 'utf8').split('\n').map((line, i) =>
      line.replace(`${part}/${String(i).padStart(5, '0')}.${ending} `, '')
    ).join(' ');
  assert.is(listed(lists.train, 'train'), '33 31 76 train/00003.webm 92 55 49 77 38 39 34 115 1 ');
  assert.is(listed(lists.testSeen, 'test_seen'), '74 51 ');
  assert.is(listed(lists.testUnseen, 'test_unseen'), '6 test_unseen/00001.webm 20 4 ');
  assert.is(listed(lists.stills, 'stills', 'png'), '50 267 81 391 ');
  const { parameters, hash } = JSON.parse(readFileSync(join(set, 'moving_shapes.json'), 'utf8'));
  assert.equal([parameters, /^[0-9a-f]{64}$/.test(hash)], [{ version: 7, seed: 3, train: 12, testSeen: 2, testUnseen: 3,
    stills: 4 }, true]);
  assert.equal(readFileSync(join(set, 'labels_unseen.csv'), 'utf8').split('\n').slice(0, 2), ['id,name',
    `0,${CLASS_NAMES[UNSEEN[0]]}`]);
  rmSync(join(set, 'moving_shapes.json'));
  await assert.rejectsWith(writeMovingShapes(set, 3, SMALL), PathError,
    `${set}: is not empty and not a data set of ours (no moving_shapes.json); choose another folder`);
  writeFileSync(join(set, 'moving_shapes.json'), '{"hash":null,"parameters":{"version":7,"seed":9,"train":1}}');
  assert.is((await writeMovingShapes(set, 3, SMALL)).reused, false, 'what was not finished is written anew');
  writeFileSync(join(set, 'moving_shapes.json'), '{"hash":"h","parameters":{"version":6,"seed":9,"train":1}}');
  assert.is((await writeMovingShapes(set, 3, SMALL)).reused, false, 'and what another version wrote');
  writeFileSync(join(set, 'moving_shapes.json'), '{"hash":7,"parameters":{}}');
  assert.is((await writeMovingShapes(set, 3, SMALL)).reused, false, 'and what is no marker');
});

test('writing again keeps the files, and the same seed gives the same bytes', async () => {
  assert.is((await small(3)).reused, false);
  const before = marker();
  assert.is((await small(3)).reused, true);
  const other = await writeMovingShapes(join(folder, 'other'), 4, SMALL);
  const markerOf = (set: string) => readFileSync(join(set, 'moving_shapes.json'), 'utf8');
  assert.is.not(JSON.parse(markerOf(other.folder)).hash, JSON.parse(before).hash);
  const again = await writeMovingShapes(join(folder, 'again'), 3, SMALL);
  assert.is(markerOf(again.folder), before);
});

test('the finished data set of another seed or size is left alone: a run may be reading it', async () => {
  const before = marker();
  await assert.rejectsWith(small(4), PathError, /small: holds the data set of seed 3 and 6 training clips/);
  await assert.rejectsWith(writeMovingShapes(join(folder, 'small'), 3, { ...SMALL, train: 7 }), PathError);
  assert.is(marker(), before);
  assert.is((await small(3)).reused, true);
});

test('of two that write one data set at once, one writes and the other waits for it', async () => {
  const waits: string[] = [];
  const write = () =>
    writeMovingShapes(join(folder, 'twice'), 3, SMALL, undefined, (holder) => waits.push(holder.message));
  const both = await Promise.all([write(), write()]);
  assert.equal(both.map(({ reused }) => reused).sort(), [false, true]);
  assert.match(waits[0], `twice is in use by process ${process.pid}`);
  assert.not(existsSync(join(folder, 'twice.lock')));
});

test('a folder that was left half-written, or was changed, is written anew', async () => {
  const { folder: set, lists } = await small(3);
  const before = marker();
  const breakIt: (() => void)[] = [
    () => rmSync(join(set, readFileSync(lists.train, 'utf8').split(' ')[0])),
    () => writeFileSync(lists.testSeen, ''),
    () => writeFileSync(join(set, 'moving_shapes.json'), JSON.stringify({ ...JSON.parse(before), hash: null })),
    () => writeFileSync(join(set, 'moving_shapes.json'), before.slice(0, 30)),
  ];
  for (const broken of breakIt) {
    broken();
    assert.is((await small(3)).reused, false);
    assert.is(marker(), before);
  }
});

test('a folder that holds other things is left alone', async () => {
  mkdirSync(join(folder, 'mine', 'train'), { recursive: true });
  writeFileSync(join(folder, 'mine', 'train', 'holiday.mp4'), 'precious');
  await assert.rejectsWith(writeMovingShapes(join(folder, 'mine'), 3, SIZES), PathError);
  assert.ok(existsSync(join(folder, 'mine', 'train', 'holiday.mp4')));
});

const OPTIONS: DatasetOptions = { frames: FRAMES, size: SIDE, crop: false, flip: false, seed: 11 };
const trainingSet = (options: Partial<DatasetOptions> = {}) =>
  new Dataset(entriesOf(written, written.lists.train, 120), { ...OPTIONS, ...options });

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

test('decoded clips look like the drawn ones', async () => {
  const [batch] = await collect(trainingSet().evaluation(120, SQUARE));
  for (const i of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const drawn = drawClip(new Random(3, `clip train ${i}`), SEEN[batch.labels[i]]);
    for (const [t, rgb] of drawn.entries()) {
      const [here, there] = [look(rgb), look(i420ToRgb(batch.frames[i * FRAMES + t]))];
      assert.ok(Math.hypot(here.x - there.x, here.y - there.y) < 1.5,
        `clip ${i}, frame ${t}: ${JSON.stringify([here, there])}`);
    }
  }
});

test('evaluation gives every clip once, in the order of the list, the rest in a smaller batch', async () => {
  const batches = await collect(trainingSet().evaluation(50, SQUARE));
  assert.equal(batches.map(({ labels }) => labels.length), [50, 50, 20]);
  assert.equal(batches.flatMap(({ indices }) => [...indices]), Array.from({ length: 120 }, (_, i) => i));
  assert.equal(batches.map(({ frames }) => frames.length), [400, 400, 160]);
  assert.equal(batches[0].views[0], { frames: [0, 1, 2, 3, 4, 5, 6, 7], crop: { x: 0, y: 0, width: 32, height: 32 },
    flip: false });
});

test('training leaves out what does not fill a batch, and orders each epoch anew', async () => {
  const data = trainingSet();
  assert.is(data.trainingBatches(50), 2);
  const [first, second] = [await collect(data.training(0, 50)), await collect(data.training(1, 50))];
  const order = (batches: Batch[]) => batches.flatMap(({ indices }) => [...indices]);
  assert.is(new Set(order(first)).size, 100);
  assert.equal(first.map(({ labels }) => labels.length), [50, 50]);
  assert.not.equal(order(first), order(second));
});

test('batches do not depend on the cache, on timing, or on where the epoch is resumed', async () => {
  const random = { crop: true, flip: true, frames: 4 };
  const expected = await collect(trainingSet(random).training(2, 20));
  assert.ok(
    expected.some(({ views }) => views.some(({ flip }) => flip)) &&
      expected.some(({ views }) => views.some(({ flip }) => !flip)),
  );
  const warm = trainingSet(random);
  await collect(warm.training(0, 20));
  assert.equal(await collect(warm.training(2, 20)), expected);
  const slow: Batch[] = [];
  for await (const batch of trainingSet({ ...random, cacheBytes: 0 }).training(2, 20)) {
    await new Promise((resolve) => setTimeout(resolve, 3));
    slow.push(batch);
  }
  assert.equal(slow, expected);
  assert.equal(await collect(trainingSet({ ...random, cacheBytes: 20_000 }).training(2, 20, 4)), expected.slice(4));
});

test('a cached clip is not read from its file again', async () => {
  const data = trainingSet();
  const before = await collect(data.evaluation(120, SQUARE));
  const { path } = data.entries[0];
  const bytes = readFileSync(path);
  writeFileSync(path, 'gone');
  try {
    assert.equal(await collect(data.evaluation(120, SQUARE)), before);
  } finally {
    writeFileSync(path, bytes);
  }
});

test('pictures are clips of one frame', async () => {
  const stills = new Dataset(entriesOf(written, written.lists.stills, 432), { ...OPTIONS, frames: 1 });
  const [batch] = await collect(stills.training(0, 16));
  assert.equal([batch.frames.length, batch.frames[0].range, batch.views[0].frames], [16, 'full', [0]]);
});

test('a broken file ends the run with an error that names it', async () => {
  const data = trainingSet();
  const { path } = data.entries[70];
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  try {
    const { message } = await assert.rejectsWith(collect(data.evaluation(16, SQUARE)), VideoDecodeError);
    assert.ok(message.startsWith(path));
  } finally {
    writeFileSync(path, bytes);
  }
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
