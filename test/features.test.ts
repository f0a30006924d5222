/**
 * Features of videos and texts: search with them says what predict says, they are the same bits however they were made,
 * and what is left of an interrupted work is gone on with.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { commandLine } from './command_line.ts';
import { at, CONFIG, home, NAMES, writeCheckpoint, writeVideos } from './features_sample.ts';
import { clip } from './video_sample.ts';
import { FirstlightError, halve, open } from '../engine/index.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { openSafetensors } from '../model/checkpoint/safetensors.ts';
import { initialise } from '../model/parts/init.ts';
import { architectureOf, configFor } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { inputOf, type System, textFeatures } from '../model/systems/system.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { clipsIn } from '../train/features/clips.ts';
import { FeatureFile } from '../train/features/file.ts';
import { FeatureJournal } from '../train/features/journal.ts';
import { checkpointHash, type Made } from '../train/features/made.ts';
import { makeFeatures, type Making } from '../train/features/making.ts';
import { compareStored, cosinesOf, encodeClips, looksOf } from '../train/features/model.ts';
import { logitsOf } from '../train/protocols/logits.ts';
import { rank } from '../train/protocols/ranking.ts';
import { InterruptedError } from '../train/run/stop.ts';
import { openSystem } from '../train/run/system.ts';

const gpu = await open();
const checkpoint = await writeCheckpoint(gpu, 'checkpoint', 5);
await writeCheckpoint(gpu, 'other', 6);
const { folder, list, labels } = writeVideos('videos');
test.after(() => {
  gpu.close();
  rmSync(home, { recursive: true, force: true });
});

/** A line that must succeed, or end with another status. */
async function done(words: readonly string[], status = 0) {
  const ended = await commandLine(words);
  assert.is(ended.code, status, ended.stderr);
  return ended;
}

type Search = { text: string; found: { file: string; score: number; start?: number; end?: number }[] }[];

/** Scores by file of each text. */
async function scoresOf(features: string, texts: readonly string[], ...more: string[]) {
  const { stdout } = await done(['search', features, ...texts, '--top', '100', '--json', ...more]);
  return (JSON.parse(stdout) as Search).map(({ found }) => new Map(found.map(({ file, score }) => [file, score])));
}

test('search gives each clip the numbers of predict, bit for bit; a broken one is told of and left out', async () => {
  const out = at('all.safetensors');
  const embedded = await done(['embed', folder, '--checkpoint', checkpoint, '--out', out], 3);
  assert.match(embedded.stderr, /broken\.mp4 cannot be decoded and is left out: is a text, not a video/);
  assert.match(embedded.stdout, /^Features of 5 clips /);
  assert.equal([existsSync(`${out}.partial`), existsSync(`${out}.lock`)], [false, false]);

  const scores = await scoresOf(out, NAMES);
  const predicted = await done(['predict', folder, '--labels', NAMES.join(','), '--checkpoint', checkpoint, '--json'],
    3);
  const said = JSON.parse(predicted.stdout) as { file: string;
    predictions: { label: string; probability: number }[] }[];
  assert.is(said.length, 5);
  for (const { file, predictions } of said) {
    const own = rank(Float32Array.from(scores, (byFile) => byFile.get(file) as number));
    assert.equal(own.map(({ label, probability }) => ({ label: NAMES[label], probability })), predictions, file);
  }
});

const types = gpu.features.has('shader-f16') ? ['f32', 'f16'] as const : ['f32'] as const;
for (const name of ['xclip', 'clip-mean'] as const) {
  for (const type of types) {
    test(`${name} in ${type}: stored features give the logits of their clips, bit for bit, however many come together; cosines only without prompts`, async () => {
      using model = createModel(gpu, configFor(name, architectureOf(CONFIG)));
      initialise(model, 3);
      if (type === 'f16') halve(model);
      const tokenizer = await clipTokenizer();
      const system = { model, tokenizer, preprocessor: officialPreprocessor(CONFIG.vision.imageSize) };
      const moving = clip(9, 40, 40);
      const view = { frames: [0, 1, 2], crop: { x: 0, y: 0, width: 40, height: 40 }, flip: false };
      const clips = { frames: moving, views: [view, view, view] };
      using texts = textFeatures(gpu, system, NAMES);
      const input = inputOf(model, system.preprocessor);
      const wanted = await logitsOf(gpu, model, clips, { features: texts, input, nameOf: String });
      const { unit, video, patches } = await encodeClips(gpu, system, clips, String);
      assert.equal(await compareStored(gpu, system, { rows: 3, video, patches }, texts), wanted);
      const row = (values: Float32Array) => values.subarray(values.length / 3, (2 * values.length) / 3);
      assert.equal(await compareStored(gpu, system, { rows: 1, video: row(video), patches: row(patches) }, texts),
        row(wanted));
      const alone = await encodeClips(gpu, system, { frames: moving.slice(3, 6), views: [view] }, String);
      assert.equal([alone.unit, alone.video, alone.patches], [row(unit), row(video), row(patches)]);
      const gaps = (await cosinesOf(gpu, unit, texts)).map((cosine, i) => Math.abs(cosine / 0.07 - wanted[i]));
      const gap = Math.max(...gaps);
      assert.ok(name === 'clip-mean' ? gap < 1e-4 : gap > 1e-3, String(gap));
    });
  }
}

test('a system with a head has features of videos, which a probe takes, and no words to search them by', async () => {
  const head = await writeCheckpoint(gpu, 'head', 5, configFor('vit-mean', architectureOf(CONFIG), { classes: NAMES }));
  const out = at('head.safetensors');
  const { stdout } = await done(['embed', list, '--checkpoint', head, '--out', out, '--probe']);
  assert.match(stdout,
    /^Features of 5 clips .*\nProbe   \d+\.0 % of 1 held out, drawn by seed 1024 \(4 classes, chance 25\.0 %\)/);
  const { stderr } = await done(['search', out, NAMES[1]], 1);
  assert.match(stderr, /vit-mean has a head for fixed classes, and compares with no texts/);
});

test('a second call finds all there; other settings, clips or labels are refused, each by name', async () => {
  const out = at('all.safetensors');
  const bytes = readFileSync(out);
  writeFileSync(`${out}.partial`, 'left by a process that was killed after all was done');
  assert.match((await done(['embed', folder, '--checkpoint', checkpoint, '--out', out], 3)).stdout,
    '5 features are there already');
  assert.not(existsSync(`${out}.partial`));
  const cases: [string[], RegExp][] = [
    [['embed', folder, '--checkpoint', at('other'), '--window', '2s', '--out', out],
      /the checkpoint \(its SHA-256\): it has ".*\n.*seconds of a piece: it has null, wanted is 2/],
    [['embed', list, '--checkpoint', checkpoint, '--out', out], /with other clips, labels, texts or tensors/],
  ];
  for (const [words, message] of cases) {
    const { stderr } = await done(words, 1);
    assert.match(stderr, message);
    assert.match(stderr, /--out/);
  }
  assert.ok(readFileSync(out).equals(bytes));
});

test('search refuses another checkpoint, and the same one with a bit changed', async () => {
  const out = at('all.safetensors');
  const { stderr } = await done(['search', out, NAMES[1], '--checkpoint', at('other')], 1);
  assert.match(stderr, /the checkpoint \(its SHA-256\).*\n +name the checkpoint that the features were made with/);
  const weights = join(checkpoint, 'model.safetensors');
  const whole = readFileSync(weights);
  writeFileSync(weights, flipped(whole, whole.length - 3));
  const refused = await done(['search', out, NAMES[1]], 1);
  assert.match(refused.stderr, /its checkpoint was changed/);
  renameSync(checkpoint, at('moved'));
  assert.match((await done(['search', out, NAMES[1]], 1)).stderr,
    /its checkpoint is not at .*checkpoint any more\n.*--checkpoint/);
  renameSync(at('moved'), checkpoint);
  writeFileSync(weights, whole);
});

test('where no clip can be decoded, nothing is written', async () => {
  const out = at('nothing.safetensors');
  const { stderr } = await done(['embed', join(folder, 'broken.mp4'), '--checkpoint', checkpoint, '--out', out], 3);
  assert.match(stderr, /^firstlight: broken\.mp4: is a text, not a video/m);
  assert.not(existsSync(out));
});

test('unit features alone are a small file, which is searched by cosines, aloud; labels have names to ask for', async () => {
  const out = at('unit.safetensors');
  const texts = at('texts.txt');
  writeFileSync(texts, NAMES.join('\n'));
  await done(['embed', list, '--labels', labels, '--texts', texts, '--checkpoint', checkpoint, '--out', out,
    '--unit-only']);
  assert.ok(statSync(out).size * 3 < statSync(at('all.safetensors')).size);
  assert.match((await done(['search', out, NAMES[1], '--by', 'model'], 1)).stderr, /has unit features alone/);
  const { stdout, stderr } = await done(['search', out, ...NAMES, '--json']);
  assert.match(stderr, 'by cosines of unit features, all that this file has: predict compares in another way');
  const scores = (JSON.parse(stdout) as Search).map(({ found }) =>
    new Map(found.map(({ file, score }) => [file, score]))
  );
  // what another program would make of the file
  const tensors = await openSafetensors(bytesInMemory(out, readFileSync(out)));
  const [unit, ofTexts] = [await tensors.floats('features'), await tensors.floats('texts')];
  clipsIn(list).clips.forEach(({ path }, row) =>
    scores.forEach((byFile, k) => {
      const own = unit.subarray(42 * row, 42 * (row + 1));
      const cosine = own.reduce((sum, value, i) => sum + value * ofTexts[42 * k + i], 0);
      assert.ok(Math.abs(cosine - (byFile.get(path) as number)) < 1e-6);
    })
  );

  const { clips } = clipsIn(list, { labels });
  const best = (byFile: Map<string, number>) => [...byFile].sort((a, b) => b[1] - a[1])[0][0];
  const found = scores.filter((byFile, k) => clips.find(({ path }) => path === best(byFile))?.label === k).length;
  const named = clips.filter(({ path, label }) => {
    const own = scores.map((byFile) => byFile.get(path) as number);
    return own.indexOf(Math.max(...own)) === label;
  }).length;
  const each = await done(['search', out, '--each-class']);
  assert.match(each.stdout, `names whose first clip has that name: ${found} of 4`);
  assert.match(each.stdout, `clips whose first name is theirs: ${named} of 5`);
  assert.match((await done(['search', at('all.safetensors'), '--each-class'], 1)).stderr,
    /no names of classes.*\n.*--labels/);
});

test('lines of JSON have the same numbers as safetensors, with labels, texts, and what they were made with', async () => {
  const lines = at('all.jsonl');
  await done(['embed', list, '--labels', labels, '--texts', at('texts.txt'), '--checkpoint', checkpoint, '--out',
    lines]);
  const [head, ...rows] = readFileSync(lines, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  const file = await FeatureFile.open(at('unit.safetensors'));
  assert.equal(head.firstlight.made, file.head.made);
  assert.equal(rows.slice(0, 5).map(({ name, label }) => [name, label]),
    file.head.names.map((name, row) => [name, file.labels?.[row]]));
  assert.equal(file.head.classes, NAMES);
  assert.equal(Float32Array.from(rows.slice(0, 5).flatMap(({ features }) => features)),
    await file.floats('features', 0, 5));
  assert.equal(rows.slice(5).map(({ text }) => text), NAMES);
  for (const { features } of rows.slice(5)) assert.ok(Math.abs(Math.hypot(...features) - 1) < 1e-5);
  await file.close();
  const alone = at('texts.safetensors');
  await done(['embed', '--texts', at('texts.txt'), '--checkpoint', checkpoint, '--out', alone]);
  const tensors = await openSafetensors(bytesInMemory(alone, readFileSync(alone)));
  assert.equal(tensors.names(), ['texts']);
  assert.equal(await tensors.floats('texts'), Float32Array.from(rows.slice(5).flatMap(({ features }) => features)));
  assert.match((await done(['search', alone, NAMES[1]], 1)).stderr, 'holds no features of videos');
  assert.match((await done(['search', lines, NAMES[1]], 1)).stderr, /is JSON, not safetensors/);
});

test('search in pieces says when each begins and ends', async () => {
  const out = at('pieces.safetensors');
  const { stdout } = await done(['embed', join(folder, 'e.webm'), '--window', '250ms', '--checkpoint', checkpoint,
    '--out', out]);
  assert.match(stdout, /^Features of 1 clip in 4 pieces /);
  const found = await done(['search', out, NAMES[1], '--top', '4']);
  assert.is(found.stdout.split('\n')[0], NAMES[1]);
  const said = [...found.stdout.matchAll(/^ +(-?\d+\.\d{3}) {2}.*e\.webm {2}(0:00\.\d) to (0:00\.\d)$/gm)];
  const scores = said.map(([, score]) => Number(score));
  assert.equal(scores, [...scores].sort((a, b) => b - a));
  const times = said.map(([, , start, end]) => `${start} ${end}`);
  assert.equal(times.sort(), ['0:00.0 0:00.3', '0:00.3 0:00.5', '0:00.5 0:00.8', '0:00.8 0:00.9']);
});

const quiet = { start() {}, update() {}, message() {}, stop() {} };

/** What makes features of a folder with one system. */
async function making(system: System, out: string, window: number | null, set = clipsIn(folder)): Promise<Making> {
  const made: Made = { checkpoint: await checkpointHash(checkpoint), precision: 'f32', ...looksOf(system), window };
  return { set, texts: [], made, checkpoint, unitOnly: false, out, progress: quiet, stop: { throwIfRequested() {} } };
}

/** Makes all features and stops before they are put together: each clip has records of its own. Returns the journal. */
async function interrupted(system: System, out: string, window: number | null): Promise<string> {
  const job = await making(system, out, window);
  const throwIfRequested = (what: string, hint?: string) => {
    throw new InterruptedError(what, 130, hint);
  };
  for (const each of job.set.clips) {
    await assert.rejectsWith(
      makeFeatures(gpu, system, { ...job, set: { ...job.set, clips: [each] }, stop: { throwIfRequested } }),
      /the embedding was interrupted/,
      { hint: 'the same command goes on with it' },
    );
  }
  assert.not(existsSync(out));
  return `${out}.partial`;
}

for (const window of [null, 0.25]) {
  test(`what was cut off anywhere goes on to the same bytes${window === null ? '' : ', of pieces too'}`, async () => {
    const system = await openSystem(gpu, checkpoint);
    using _model = system.model;
    const [whole, out] = [at(`whole-${window}.safetensors`), at(`cut-${window}.safetensors`)];
    await makeFeatures(gpu, system, await making(system, whole, window));
    const partial = await interrupted(system, out, window);
    const bytes = readFileSync(partial);
    const places = [...bytes.toString('latin1').matchAll(/\{"clip"/g)].map(({ index }) => index);
    assert.is(places.length, 6);
    const cuts: [Buffer, number][] = [
      [bytes, 6],
      [bytes.subarray(0, places[3]), 3],
      [bytes.subarray(0, places[3] + 40), 3], // in a line
      [bytes.subarray(0, bytes.length - 1), 5], // in numbers
      [bytes.subarray(0, 20), 0], // in the first line
      [flipped(bytes, places[2] - 3), 1],
    ];
    for (const [left, clips] of cuts) {
      writeFileSync(partial, left);
      const told: string[] = [];
      const job = await making(system, out, window);
      const { broken } = await makeFeatures(gpu, system, { ...job, progress: { ...quiet, message(text) {
        told.push(text);
      } } });
      assert.equal(told.filter((text) => text.startsWith('going on')),
        clips === 0 ? [] : [`going on: ${clips} of 6 clips are done`]);
      assert.equal(broken.map(({ name }) => name), ['broken.mp4']);
      assert.ok(readFileSync(out).equals(readFileSync(whole)), `${clips} clips`);
      assert.not(existsSync(partial));
      rmSync(out);
    }
  });
}

function flipped(bytes: Buffer, place: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[place] ^= 1;
  return copy;
}

test('a journal that was begun with other settings is refused, by name; a video that changed is embedded anew', async () => {
  const system = await openSystem(gpu, checkpoint);
  using _model = system.model;
  const out = at('changed.safetensors');
  const partial = await interrupted(system, out, null);
  await assert.rejectsWith(makeFeatures(gpu, system, await making(system, out, 2)), FirstlightError,
    /changed\.safetensors\.partial was begun with other settings: window was null, is now 2$/, {
    hint: /remove the file/,
  });
  assert.ok(existsSync(partial));
  const video = join(folder, 'a.mp4');
  const before = readFileSync(video);
  writeVideo(video, clip(7));
  const told: string[] = [];
  await makeFeatures(gpu, system, { ...(await making(system, out, null)), progress: { ...quiet, message(text) {
    told.push(text);
  } } });
  assert.equal(told, ['going on: 5 of 6 clips are done']);
  writeFileSync(video, before);
});

test('pieces that were taken of a clip that turns out to be broken are void', async () => {
  const path = at('void.partial');
  const values = { unit: Float32Array.of(1, 0), video: Float32Array.of(2, 0), patches: new Float32Array(0) };
  const record = { clip: 'a', file: 'f', total: 2, rows: 1, width: 2, patches: 0, isWhole: true, times: null };
  const journal = await FeatureJournal.open(path, {});
  journal.add({ ...record, first: 0 }, values);
  journal.addBroken('a', 'f', 'is damaged');
  journal.add({ ...record, clip: 'b', first: 0 }, values);
  journal.add({ ...record, clip: 'b', first: 0, total: 1 }, { ...values, unit: Float32Array.of(0, 1) });
  await journal.close();
  const again = await FeatureJournal.open(path, {});
  assert.equal(again.of('a', 'f'), { file: 'f', broken: 'is damaged' });
  assert.is(again.of('a', 'another file'), undefined);
  const known = again.of('b', 'f');
  assert.ok(known !== undefined && 'chunks' in known && known.chunks.length === 1);
  assert.equal(await again.read(known.chunks[0], 'unit'), Float32Array.of(0, 1));
  assert.equal(await again.read(known.chunks[0], 'video'), Float32Array.of(2, 0));
  await again.close();
});

test('two processes do not write one file', async () => {
  const out = at('locked.safetensors');
  writeFileSync(`${out}.lock`, JSON.stringify({ pid: process.ppid, host: 'another', since: 'now', began: null }));
  const { stderr } = await done(['embed', folder, '--checkpoint', checkpoint, '--out', out], 1);
  assert.match(stderr, /locked\.safetensors is in use by process \d+ on another/);
});

test('a list may have labels or none; what is wrong with it is told at once, before anything is embedded', async () => {
  const bare = join(folder, 'bare.txt');
  writeFileSync(bare, 'a.mp4\n# a comment\ndeep/c d.mp4\na.mp4\n');
  const set = clipsIn(bare);
  assert.equal(set.clips.map(({ name, label }) => [name, label]), [['a.mp4', undefined], ['deep/c d.mp4', undefined]]);
  assert.match(set.warnings[0].problem, /stands in line 1 already/);
  writeFileSync(bare, 'a.mp4\nabsent.mp4\nnowhere.mp4\n');
  const { stderr } = await done(['embed', bare, '--checkpoint', checkpoint, '--out', at('bare.safetensors')], 3);
  assert.match(stderr, /bare\.txt:2: "absent\.mp4" does not exist\n.*bare\.txt:3: "nowhere\.mp4"/);
  assert.throwsWith(() => clipsIn(folder, { labels }), FirstlightError,
    /is no list, so --labels says nothing about it/);
  const config = join(folder, 'config.yaml');
  writeFileSync(config, 'model: {preset: tiny}\ndata: {train: list.txt, val: null, labels: labels.csv}\n');
  assert.equal(clipsIn(config, { part: 'train' }), clipsIn(list, { labels }));
  assert.throwsWith(() => clipsIn(config), FirstlightError, /config\.yaml: has no list data\.val/);
  assert.throwsWith(() => clipsIn(config, { labels }), FirstlightError, /is no list, so --labels says nothing/);
  assert.throwsWith(() => clipsIn(list, { part: 'val' }), FirstlightError,
    /is no configuration, so --part says nothing/);
  assert.throwsWith(() => clipsIn(at('nowhere')), FirstlightError, /no such file or folder/);
});

testIf(process.platform !== 'win32', 'Windows has other permissions')('a file that cannot be written is named',
  async () => {
    const { stderr } = await done(['embed', folder, '--checkpoint', checkpoint, '--out', join(labels, 'x.safetensors')],
      1);
    assert.match(stderr, /labels\.csv/);
  });

test.run();
