/** Features without a model: the journal they are kept in, the files they become, and which clips are meant. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { DatasetError, FirstlightError, type LineProblem } from '../engine/errors.ts';
import { type Assembly, writeLines, writeTensors } from '../train/features/assembly.ts';
import { type ClipSetOptions, clipsIn, videosIn } from '../train/features/clips.ts';
import { fileOf } from '../train/features/embedding.ts';
import { FeatureFile } from '../train/features/file.ts';
import { FeatureJournal, isDone, piecesDone } from '../train/features/journal.ts';
import { checkpointHash, requireSameMade } from '../train/features/made.ts';
import { bestRows, retrievalOf } from '../train/features/search.ts';
import { readTexts } from '../train/features/texts.ts';
import { printed } from './command_line.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-kept-')));
test.after(() => rmSync(root, { recursive: true, force: true }));
const at = (...names: string[]) => join(root, ...names);

function put(name: string, text: string | Buffer = ''): string {
  mkdirSync(join(at(name), '..'), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

// The journal

const WHOLE = { file: 'f', rows: 2, width: 3, patches: 2, isWhole: true, times: null };
/** Numbers that say where they are from. */
const numbers = (rows: number, start: number, patches = 2) => {
  const some = (count: number, from: number) => Float32Array.from({ length: count }, (_, i) => from + i);
  return { unit: some(3 * rows, start), video: some(3 * rows, start + 100),
    patches: some(3 * rows * patches, start + 200) };
};

async function reopened<T>(path: string, use: (journal: FeatureJournal) => T | Promise<T>): Promise<T> {
  const journal = await FeatureJournal.open(path, { made: { window: 2 } });
  try {
    return await use(journal);
  } finally {
    await journal.close();
  }
}

/** Some records: two pieces at once, one more, a clip without its own comparison, a broken one. */
async function written(name: string): Promise<string> {
  await reopened(at(name), (journal) => {
    journal.add({ ...WHOLE, clip: 'a', first: 0, total: 3, times: [[0, 2], [2, 4]] }, numbers(2, 0));
    journal.add({ ...WHOLE, clip: 'a', first: 2, total: 3, rows: 1, times: [[4, 5]] }, numbers(1, 50));
    journal.add({ ...WHOLE, clip: 'b', first: 0, total: 2, isWhole: false, patches: 0 }, numbers(2, 7, 0));
    journal.addBroken('c', 'f', 'is cut off');
    journal.add({ ...WHOLE, clip: 'd', first: 0, total: 1, rows: 1 }, numbers(1, 9));
  });
  return at(name);
}
const namesIn = (journal: FeatureJournal) => ['a', 'b', 'c', 'd'].filter((clip) => isDone(journal.of(clip, 'f')));

test('all numbers of a journal are read back, each where it lies', async () => {
  await reopened(await written('whole.partial'), async (journal) => {
    assert.equal(namesIn(journal), ['a', 'b', 'c', 'd']);
    assert.is(journal.of('a', 'another'), undefined);
    assert.is(journal.of('e', 'f'), undefined);
    const chunks = (clip: string) => {
      const known = journal.of(clip, 'f');
      return known !== undefined && 'chunks' in known ? known.chunks : assert.unreachable(clip);
    };
    assert.equal(chunks('a').map(({ first, rows, times }) => [first, rows, times]), [[0, 2, [[0, 2], [2, 4]]], [2, 1, [[
      4,
      5,
    ]]]]);
    for (const [chunk, rows, start] of [[chunks('a')[0], 2, 0], [chunks('a')[1], 1, 50], [chunks('d')[0], 1,
      9]] as const) {
      for (const which of ['unit', 'video', 'patches'] as const) {
        assert.equal(await journal.read(chunk, which), numbers(rows, start)[which], `${chunk.clip}, ${which}`);
      }
    }
    assert.equal(await journal.read(chunks('b')[0], 'unit'), numbers(2, 7).unit);
    assert.equal(['a', 'b', 'c', 'd', 'e'].map((clip) => piecesDone(journal.of(clip, 'f'))), [3, 2, 0, 1, 0]);
  });
});

test('a journal that is cut off at any byte, or damaged at one, is read as far as it is whole, and goes on from there', async () => {
  const path = await written('cut.partial');
  const bytes = readFileSync(path);
  const begins = [...bytes.toString('latin1').matchAll(/\{"(?:file|clip)":/g)].map(({ index }) => index);
  assert.is(begins.length, 5);
  /** Clips that are done by the place where each record ends. */
  const done = [[], [], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']];
  const ends = [...begins.slice(1), bytes.length];
  for (let end = 0; end <= bytes.length; end += 23) {
    writeFileSync(path, bytes.subarray(0, end));
    const records = ends.filter((place) => place <= end).length;
    await reopened(path, (journal) => {
      assert.equal(namesIn(journal), done[records], `${end} bytes`);
      assert.is(piecesDone(journal.of('a', 'f')), [0, 2, 3, 3, 3, 3][records], `${end} bytes`);
      if (records === 5) return;
      journal.add({ ...WHOLE, clip: 'd', first: 0, total: 1, rows: 1 }, numbers(1, 9));
    });
    await reopened(path, (journal) => assert.ok(isDone(journal.of('d', 'f')), `${end} bytes`));
  }
  for (let place = begins[0]; place < bytes.length; place += 41) {
    const wrong = Buffer.from(bytes);
    wrong[place] ^= 4;
    writeFileSync(path, wrong);
    const records = ends.filter((end) => end <= place).length;
    await reopened(path, (journal) => assert.equal(namesIn(journal), done[records], `byte ${place}`));
  }
});

test('a record goes on with its clip where the last one ended, and begins it anew at its first piece', async () => {
  const record = { ...WHOLE, clip: 'a', rows: 1, total: 3 };
  const doneBy = async (name: string, records: readonly object[]) => {
    await reopened(at(name), (journal) => {
      for (const own of records) journal.add({ ...record, ...own } as typeof record & { first: number }, numbers(1, 0));
    });
    return reopened(at(name), (journal) => ['f', 'g'].map((file) => piecesDone(journal.of('a', file))));
  };
  assert.equal(await doneBy('1', [{ first: 0 }, { first: 1 }, { first: 2 }]), [3, 0]);
  assert.equal(await doneBy('2', [{ first: 0 }, { first: 2 }]), [1, 0]);
  assert.equal(await doneBy('3', [{ first: 1 }]), [0, 0]);
  assert.equal(await doneBy('4', [{ first: 0 }, { first: 1 }, { first: 0 }]), [1, 0]);
  assert.equal(await doneBy('5', [{ first: 0 }, { first: 1, file: 'g' }]), [1, 0]);
  assert.equal(await doneBy('6', [{ first: 0 }, { first: 0, file: 'g' }]), [0, 1]);
  assert.is(isDone(undefined), false);
});

test('a record with the times of many pieces is read; a line that has no end is not', async () => {
  const times = Array.from({ length: 9000 }, (_, i): [number, number] => [i, i + 0.5]);
  const path = at('many.partial');
  await reopened(path,
    (journal) => journal.add({ ...WHOLE, clip: 'a', first: 0, total: 9000, rows: 9000, times }, numbers(9000, 0)));
  await reopened(path, (journal) => assert.is(piecesDone(journal.of('a', 'f')), 9000));
  const before = readFileSync(path);
  writeFileSync(path, Buffer.concat([before, Buffer.alloc(5000, '{')]));
  await reopened(path, (journal) => assert.is(piecesDone(journal.of('a', 'f')), 9000));
  assert.ok(readFileSync(path).equals(before), 'what is no record is cut off');
});

test('a journal of other settings is refused with what differs, and so is one that never was one', async () => {
  const path = at('other.partial');
  await (await FeatureJournal.open(path, { made: { window: 2, size: 32 }, root: 'a' })).close();
  await assert.rejectsWith(FeatureJournal.open(path, { made: { window: null, size: 32 }, isWhole: true }),
    FirstlightError,
    `${path} was begun with other settings: window was 2, is now null; root was "a", is now not there; isWhole was not there, is now true`);
  writeFileSync(path, 'no journal\n');
  await assert.rejectsWith(FeatureJournal.open(path, {}), FirstlightError,
    `${path} was begun with other settings: its first line was no object, is now not there; journal was not there, is now "firstlight features 1"`);
  FeatureJournal.remove(path);
  FeatureJournal.remove(path);
});

// Files

const MADE = { checkpoint: 'ab'.repeat(32), precision: 'f32', frames: 8, size: 32, resize: null, mean: [1, 2, 3],
  std: [4, 5, 6], window: null } as const;
const TEXTS = { texts: ['a', 'b'], values: Float32Array.of(0, 1, 0, 1, 0, 0) };
/** Unit vectors along one axis. */
const along = (...axes: number[]) =>
  Float32Array.from(axes.flatMap((axis) => [0, 1, 2].map((i) => Number(i === axis))));

/** Two clips with labels, one of them cut in two pieces, and a broken one. */
async function assembly(window: number | null, isWhole: boolean): Promise<Assembly> {
  const clips = ['x.mp4', 'y.mp4', 'z.mp4'].map((name, i) => ({ name, path: put(`clips/${name}`, 'x'.repeat(i + 1)),
    label: 2 - i })
  );
  const name = `assembly-${window}-${isWhole}`;
  rmSync(at(name), { force: true });
  const journal = await FeatureJournal.open(at(name), {});
  const times = (...own: [number, number][]) => window === null ? null : own;
  const record = { ...WHOLE, patches: isWhole ? 1 : 0, isWhole };
  const features = (unit: Float32Array) => ({ unit, video: unit.map((value) => 2 * value),
    patches: unit.map((value) => 3 * value) });
  journal.add({ ...record, clip: 'y.mp4', file: fileOf(clips[1].path), first: 0, total: 1, rows: 1,
    times: times([0, 3]) }, features(along(1)));
  journal.add({ ...record, clip: 'x.mp4', file: fileOf(clips[0].path), first: 0, total: 2,
    times: times([0, 2], [2, 2.5]) }, features(along(0, 2)));
  journal.addBroken('z.mp4', fileOf(clips[2].path), 'is cut off');
  return { clips, journal, texts: TEXTS,
    head: { version: 1, made: { ...MADE, window }, checkpoint: 'c', root: '.', classes: ['p', 'q', 'r'] } };
}

test('features become tensors in the order of the list, with labels, times and texts', async () => {
  for (const [window, isWhole] of [[2, true], [null, false]] as const) {
    const own = await assembly(window, isWhole);
    const { rows, broken, bytes } = await writeTensors(at('made.safetensors'), own);
    await own.journal.close();
    assert.equal([rows, broken, bytes], [3, [{ name: 'z.mp4', reason: 'is cut off' }],
      readFileSync(at('made.safetensors')).length]);
    const file = await FeatureFile.open(at('made.safetensors'));
    assert.equal(file.head.names, ['x.mp4', 'x.mp4', 'y.mp4']);
    assert.equal([file.rows, file.width, file.patches, file.isWhole], [3, 3, isWhole ? 1 : 0, isWhole]);
    assert.equal(file.labels, Int32Array.of(2, 2, 1));
    assert.equal(file.times, window === null ? undefined : Float32Array.of(0, 2, 2, 2.5, 0, 3));
    assert.equal(await file.floats('features', 0, 3), along(0, 2, 1));
    if (isWhole) {
      assert.equal(await file.floats('video', 1, 2), along(2, 1).map((value) => 2 * value));
      assert.equal(await file.floats('patches', 2, 1), along(1).map((value) => 3 * value));
    }
    await file.close();
  }
});

test('lines of JSON have the head, a line for each row and one for each text', async () => {
  const own = await assembly(2, false);
  const { rows, bytes } = await writeLines(at('deep/er/made.jsonl'), own);
  const text = readFileSync(at('deep/er/made.jsonl'), 'utf8');
  assert.equal([rows, bytes], [3, text.length]);
  const [head, ...lines] = text.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(head, { firstlight: { ...own.head, broken: [{ name: 'z.mp4', reason: 'is cut off' }] } });
  assert.equal(lines, [
    { name: 'x.mp4', label: 2, start: 0, end: 2, features: [1, 0, 0] },
    { name: 'x.mp4', label: 2, start: 2, end: 2.5, features: [0, 0, 1] },
    { name: 'y.mp4', label: 1, start: 0, end: 3, features: [0, 1, 0] },
    { text: 'a', features: [0, 1, 0] },
    { text: 'b', features: [1, 0, 0] },
  ]);
  const none = { ...own, clips: [own.clips[2]], texts: { texts: [], values: new Float32Array(0) } };
  await assert.rejectsWith(writeLines(at('none.jsonl'), none), DatasetError, 'z.mp4: is cut off');
  const texts = await writeTensors(at('texts.safetensors'), { ...none, texts: TEXTS });
  assert.is(texts.rows, 0);
  put('clips/x.mp4', 'another one');
  const { broken } = await writeLines(at('changed.jsonl'), own);
  assert.equal(broken, [{ name: 'x.mp4', reason: 'the file was changed meanwhile' }, { name: 'z.mp4',
    reason: 'is cut off' }]);
  await own.journal.close();
});

test('features that were made in another way are refused with all that differs', () => {
  const differs = (own: object) =>
    assert.throwsWith(() => requireSameMade('f', MADE, { ...MADE, ...own }, 'hint'), FirstlightError).message;
  requireSameMade('f', MADE, { ...MADE, mean: [1, 2, 3] }, 'hint');
  assert.match(differs({ size: 64, window: 2 }),
    /pixels of a side: it has 32, wanted is 64[^]*seconds of a piece: it has null, wanted is 2$/);
  for (const own of [{ checkpoint: 'c' }, { precision: 'f16' }, { frames: 9 }, { resize: { shortSide: 1 } }, {
    mean: [1, 2, 4],
  }, { std: [1, 1, 1] }]) assert.match(differs(own), 'wanted is');
});

test('a checkpoint is known by its weights and what stands beside them, by name and to the bit, and by nothing else', async () => {
  const names = ['config.json', 'model.safetensors', 'preprocessor_config.json', 'tokenizer.json', 'merges.txt'];
  for (const name of names) put(`model/${name}`, name);
  const folder = await checkpointHash(at('model'));
  const one = await checkpointHash(at('model/model.safetensors'));
  assert.equal([folder.length, one], [64, folder], 'one file of weights is all of a folder');
  put('model/notes.txt', 'notes');
  put('model/optimizer.bin.txt', 'notes');
  assert.is(await checkpointHash(at('model')), folder);
  for (const name of names) {
    put(`model/${name}`, `${name}!`);
    assert.not.equal(await checkpointHash(at('model')), folder, name);
    put(`model/${name}`, name);
  }
  assert.is(await checkpointHash(at('model')), folder);
  put('model/other.bin', 'weights');
  assert.not.equal(await checkpointHash(at('model')), folder);
  assert.is(await checkpointHash(at('model/model.safetensors')), one, 'other weights are none of this file');
});

test('a folder without videos is told, and one with some is not', async () => {
  mkdirSync(at('without'), { recursive: true });
  put('some/a.mp4');
  const told = async (path: string) =>
    (await printed(() => {
      videosIn(path);
      return Promise.resolve(0);
    })).stderr;
  assert.equal([await told(at('without')), await told(at('some'))], [
    `firstlight: ${at('without')}: there are no videos in this folder\n`,
    '',
  ]);
});

// Search

test('the best rows for a text are the largest scores, of equal ones the first; names are found and given', () => {
  const scores = Float32Array.of(1, 5, 0, 3, 4, 0, 3, 1, 9, 2, 6, 0);
  assert.equal([0, 1, 2].map((text) => bestRows(scores, 3, text)), [[1, 2, 3, 0], [3, 0, 1, 2], [2, 0, 1, 3]]);
  // rows 0 to 3 are of classes 1, 0, 2, 2; class 3 is asked of nobody
  const wide = Float32Array.of(1, 5, 0, 0, 3, 4, 0, 0, 3, 1, 9, 0, 2, 6, 0, 0);
  assert.equal(retrievalOf(wide, Int32Array.of(1, 0, 2, 2), 4), { asked: 3, found: 2, named: 2 });
  assert.equal(retrievalOf(Float32Array.of(1, 1, 1, 1), Int32Array.of(0, 1), 2), { asked: 2, found: 1, named: 1 });
});

test('texts are lines of a file, one at least', () => {
  assert.equal(readTexts(put('texts.txt', 'a door\n\n two, doors \n')), ['a door', 'two, doors']);
  const { problems } = assert.throwsWith(() => readTexts(put('texts.txt', '\n')), DatasetError).context;
  assert.equal(problems, [{ file: at('texts.txt'), line: 0, problem: 'holds no texts' }]);
});

// Clips

test('clips are those of a folder, of a list with labels or without, or one video', () => {
  for (const name of ['b.mp4', 'deep/a.MKV', 'deep/er/c.webm', 'note.txt', 'dir.mp4/x.txt']) put(`videos/${name}`);
  put('videos/list.txt', '# a comment\nb.mp4\ndeep/a.MKV\nb.mp4\n');
  put('videos/labelled.txt', 'b.mp4 1\ndeep/a.MKV 0\n');
  put('videos/labels.csv', 'id,name\n0,x\n1,y\n');
  put('videos/sub/list.txt', 'b.mp4\n');
  const clips = (name: string, options?: ClipSetOptions) => {
    const set = clipsIn(at('videos', name), options);
    assert.is(set.root, at('videos'));
    for (const { path, name: own } of set.clips) assert.is(relative(set.root, path), own);
    return set.clips.map(({ name: own, label }) => [own, label]);
  };
  assert.equal(clips('.'), [['b.mp4', undefined], ['deep/a.MKV', undefined], ['deep/er/c.webm', undefined]]);
  assert.equal(clips('b.mp4'), [['b.mp4', undefined]]);
  assert.equal(clips('list.txt'), [['b.mp4', undefined], ['deep/a.MKV', undefined]]);
  assert.equal(clipsIn(at('videos/list.txt')).warnings.map(({ line }) => line), [4]);
  assert.equal(clips('labelled.txt'), [['b.mp4', 1], ['deep/a.MKV', 0]]);
  assert.equal(clips('labelled.txt', { labels: at('videos/labels.csv') }), [['b.mp4', 1], ['deep/a.MKV', 0]]);
  assert.equal(clipsIn(at('videos/labelled.txt'), { labels: at('videos/labels.csv') }).classes, ['x', 'y']);
  assert.is(clipsIn(at('videos/labelled.txt')).classes, undefined);
  assert.equal(clips('sub/list.txt', { root: at('videos') }), [['b.mp4', undefined]]);
  assert.equal(videosIn(at('videos/b.mp4')), [at('videos/b.mp4')]);
  assert.equal(videosIn(at('videos/deep')), [at('videos/deep/a.MKV'), at('videos/deep/er/c.webm')]);
  assert.equal(videosIn(at('videos/none.mp4')), [at('videos/none.mp4')]);
});

test('lists of a configuration are read in its format; what a flag says nothing about is refused', () => {
  put('set/train.txt', 'a.mp4 0\nb.mp4 1\n');
  put('set/val.txt', 'a.mp4 0\n');
  for (const name of ['a.mp4', 'b.mp4', 'still.png']) put(`set/${name}`);
  put('set/labels.csv', 'id,name\n0,x\n1,y\n');
  const config = (val: string | null) =>
    put('set/run.yaml',
      JSON.stringify({ model: { preset: 'tiny' }, train: { batch: 1, steps: 10, warmupSteps: 2 },
        data: { size: 32, train: 'train.txt', labels: 'labels.csv', val } }));
  const of = (options?: ClipSetOptions) => {
    const { clips, classes } = clipsIn(config('val.txt'), options);
    assert.equal(classes, ['x', 'y']);
    return clips.map(({ name, label }) => `${name} ${label}`);
  };
  assert.equal(of(), ['a.mp4 0']);
  assert.equal(of({ part: 'train' }), ['a.mp4 0', 'b.mp4 1']);
  const refused = (path: string, options?: ClipSetOptions) =>
    (assert.throwsWith(() => clipsIn(path, options), DatasetError).context.problems as LineProblem[]).map((
      { file, line, problem },
    ) => `${relative(root, file)}:${line}: ${problem}`);
  assert.equal(refused(config(null)), ['set/run.yaml:0: has no list data.val']);
  assert.equal(refused(config('val.txt'), { root: '.' }), [
    'set/run.yaml:0: is no list, so --root says nothing about it',
  ]);
  assert.equal(refused(at('set/a.mp4'), { labels: 'l' }), [
    'set/a.mp4:0: is no list, so --labels says nothing about it',
  ]);
  assert.equal(refused(at('set/still.png'), { labels: 'l' }).length, 1);
  assert.equal(refused(at('set'), { root: '.' }), ['set:0: is no list, so --root says nothing about it']);
  assert.equal(refused(at('set/val.txt'), { part: 'val' }), [
    'set/val.txt:0: is no configuration, so --part says nothing about it',
  ]);
  assert.equal(refused(at('set/none')), ['set/none:0: no such file or folder']);
  assert.equal(refused(put('set/empty.txt', '# nothing\n')), ['set/empty.txt:0: the list is empty']);
  assert.equal(refused(put('set/wrong.txt', 'none.mp4\n')), ['set/wrong.txt:1: "none.mp4" does not exist']);
  mkdirSync(at('bare'));
  assert.equal(refused(at('bare')), ['bare:0: there are no videos in it']);
});

test.run();
