/** *Moving shapes* in the layouts of published data sets: real files, their splits, and what hostile ones come to. */
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine } from './command_line.ts';
import { Random } from '../engine/random.ts';
import type { LineProblem } from '../engine/errors.ts';
import type { CheckReport } from '../train/commands/check.ts';
import { Dataset } from '../train/data/loading/dataset.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { SET_FORMATS, type SetFormat } from '../train/data/sets/formats.ts';
import { letters } from '../train/data/sets/class_names.ts';
import { i420ToRgb } from '../train/data/video/i420.ts';
import { type LayoutKeys, writeLayout } from '../train/moving_shapes/layouts.ts';
import { CLASS_NAMES, drawClip, FRAMES, SIDE } from '../train/moving_shapes/scenes.ts';
import { formatConfig, parseConfig } from '../train/run/config.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { listOf, namesOf, scanOf } from '../train/run/lists.ts';
import { readRunData } from '../train/run/run_data.ts';
import { trainingPreprocessor } from '../train/run/system.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-layouts-')));
const at = (name: string) => join(root, name);
test.after(() => rmSync(root, { recursive: true }));

/** Two motions that run one path both ways, of two looks; in no order of names. */
const SIZES = { classes: [30, 31, 0, 1], train: 3, test: 1 };
const SEED = 12;

const configOf = (keys: LayoutKeys, data: object = {}): TrainConfig =>
  parseConfig(
    JSON.stringify({ model: { preset: 'tiny' },
      data: { ...keys, size: SIDE, frames: FRAMES, crop: false, flip: false, ...data },
      train: { steps: 10, warmupSteps: 1, batch: 2 } }),
    at('run.yaml'),
  );

/** Names of eleven letters, and times, as this seed draws them. */
const KINETICS_ROWS = ['"a green circle moving right","ufKbVciIYZc",125,135,"validate",0\r',
  '"a green circle moving right","5wWcww2B2Tk",185,195,"validate",0\r', ''];
const KINETICS_FILES = ['5wWcww2B2Tk_000185_000195.webm', 'ufKbVciIYZc_000125_000135.mp4'];

const written = new Map<SetFormat, LayoutKeys>();
const keysOf = (format: SetFormat): LayoutKeys => {
  const keys = written.get(format) ?? writeLayout(at(format), format, SEED, SIZES);
  written.set(format, keys);
  return keys;
};

for (const format of SET_FORMATS) {
  test(`${format}: what is written is read without a word, in all of its splits`, () => {
    const keys = keysOf(format);
    const tested: string[][] = [];
    const splits = format === 'ucf101' || format === 'hmdb51' ? [1, 2, 3] : [1];
    for (const split of splits) {
      const config = configOf(keys, { split });
      const names = namesOf(config);
      assert.equal(names.map(letters).sort(), SIZES.classes.map((id) => letters(CLASS_NAMES[id])).sort());
      const [training, validation] = (['train', 'val'] as const).map((part) => scanOf(config, part, names));
      for (const { problems, warnings, missing } of [training, validation]) {
        assert.equal([problems, warnings, missing], [[], [], []]);
      }
      assert.equal([training.entries.length, validation.entries.length], [12, 4]);
      const of = ({ entries }: typeof training) => entries.map(({ path }) => path);
      assert.is(new Set([...of(training), ...of(validation)]).size, 16, 'no clip is in both');
      tested.push(of(validation));
    }
    assert.is(new Set(tested.flat()).size, 4 * splits.length, 'each split tests other clips');
  });
}

test('lists are written as they are published, line by line', () => {
  const text = (path: string) => readFileSync(at(path), 'latin1').split('\n');
  keysOf('list');
  assert.equal(text('list/train.txt').slice(0, 4),
    [0, 1, 2].map((take) => `clips/a green circle moving left ${take}.mp4 0`).concat(
      'clips/a green circle moving right 0.mp4 1',
    ));
  assert.equal(text('list/val.txt'),
    [0, 1, 2, 3].map((label) => `clips/${CLASS_NAMES[SIZES.classes[label]]} 3.mp4 ${label}`).concat(''));
  const one = { classes: [31], train: 6, test: 2 };
  writeLayout(at('one_kinetics'), 'kinetics', 5, one);
  const [header, ...rows] = text('one_kinetics/train.csv');
  assert.equal([header, rows.length], ['"label","youtube_id","time_start","time_end","split","is_cc"\r', 7]);
  assert.equal(text('one_kinetics/val.csv').slice(1), KINETICS_ROWS);
  const files = (part: string) => readdirSync(at(`one_kinetics/${part}/${CLASS_NAMES[31]}`)).sort();
  assert.equal(files('val'), KINETICS_FILES);
  assert.equal(files('train').map((name) => extname(name)), Array(6).fill('.mp4'));
  writeLayout(at('one_ucf101'), 'ucf101', 5, { ...one, classes: [31, 30] });
  const ucf = (take: string) => `AGreenCircleMovingRight/v_AGreenCircleMovingRight_${take}.avi`;
  assert.equal(text('one_ucf101/ucfTrainTestlist/classInd.txt'), ['1 AGreenCircleMovingLeft\r',
    '2 AGreenCircleMovingRight\r', '']);
  const ofSplit = (split: number, part: string) =>
    text(`one_ucf101/ucfTrainTestlist/${part}list0${split}.txt`).filter((line) => line.includes('Right'));
  assert.equal(ofSplit(1, 'test'), ['g01_c01', 'g01_c02'].map((take) => `${ucf(take)}\r`));
  assert.equal(ofSplit(2, 'test'), ['g01_c03', 'g01_c04'].map((take) => `${ucf(take)}\r`));
  assert.equal(ofSplit(3, 'test'), ['g02_c01', 'g02_c02'].map((take) => `${ucf(take)}\r`));
  assert.equal(ofSplit(3, 'train'),
    ['g01_c01', 'g01_c02', 'g01_c03', 'g01_c04', 'g02_c03', 'g02_c04'].map((take) => `${ucf(take)} 2\r`));
  keysOf('hmdb51');
  const clip = (take: number) => `#${take}_Moving_Shapes_a_green_circle_moving_right_f_nm_np1_fr_goo_${take}.avi`;
  const marks = (split: number) =>
    text(`hmdb51/splits/a_green_circle_moving_right_test_split${split}.txt`).slice(0, -1).map((line, take) => {
      assert.is(line.slice(0, -4), clip(take));
      return line.slice(-4);
    });
  assert.equal([1, 2, 3].map(marks),
    [[2, 1, 1, 1, 0], [1, 2, 1, 1, 0], [1, 1, 2, 1, 0]].map((split) => split.map((mark) => ` ${mark} \r`)));
});

test('clips are real files that show their class, avi among them', async () => {
  const endings = new Set<string>();
  for (const format of SET_FORMATS) {
    const config = configOf(keysOf(format));
    const names = namesOf(config);
    const { entries } = listOf(config, 'val', names);
    await using dataset = new Dataset(entries, { frames: FRAMES, size: SIDE, crop: false, flip: false, seed: 0 });
    for await (const { frames, labels } of dataset.evaluation(entries.length, trainingPreprocessor(SIDE, false))) {
      for (const [i, label] of labels.entries()) {
        const id = CLASS_NAMES.findIndex((name) => letters(name) === letters(names[label]));
        // of lists and Kinetics the last take is tested, of splits the first
        const take = format === 'list' || format === 'kinetics' ? SIZES.train : 0;
        const drawn = drawClip(new Random(SEED, `clip ${take} of class ${id}`), id);
        for (const [t, rgb] of drawn.entries()) {
          const shown = i420ToRgb(frames[i * FRAMES + t]);
          const off = rgb.reduce((sum, value, k) => sum + Math.abs(value - shown[k]), 0) / rgb.length;
          // coding and halved colour; of another clip it would be 20 and more
          assert.ok(off < 8, `${entries[i].path}, frame ${t}: ${off.toFixed(1)} grey levels off`);
        }
      }
    }
    for (const { path } of entries) endings.add(extname(path));
  }
  assert.equal([...endings].sort(), ['.avi', '.mp4']);
});

/** A configuration as a file. */
function saved(config: TrainConfig): string {
  writeFileSync(at('run.yaml'), formatConfig(config));
  return at('run.yaml');
}

/** Files that no decoder takes. */
function breakFiles(paths: readonly string[]): void {
  const [cut, text, empty] = paths;
  writeFileSync(cut, readFileSync(cut).subarray(0, 2000));
  writeFileSync(text, 'not a video');
  writeFileSync(empty, '');
}

test('hostile lines and broken files of UCF-101: all are reported once, and what is left is trained on', async () => {
  const keys = writeLayout(at('hostile'), 'ucf101', SEED, { ...SIZES, train: 5 });
  const config = configOf(keys, { maxBadShare: 0.3 });
  const names = namesOf(config);
  const { entries } = listOf(config, 'train', names);
  const clipsOf = (label: number) =>
    [1, 2, 3].flatMap((split) => listOf(configOf(keys, { split }), 'val', names).entries)
      .concat(entries).filter((clip) => clip.label === label).map(({ path }) => basename(path).replace(/.*(?=_g)/, ''));
  assert.equal([...new Set(clipsOf(0))].sort(), ['_g01_c01.avi', '_g01_c02.avi', '_g01_c03.avi', '_g01_c04.avi',
    '_g02_c01.avi', '_g02_c02.avi'], 'four clips of a group');
  const brokenFiles = [entries[1], entries[7], entries[12]].map(({ path }) => path);
  breakFiles(brokenFiles);
  const list = keys.train.replace('{split}', '1');
  const sound = readFileSync(list, 'utf8').trim().split(/\r?\n/);
  const hostile = [sound[0], `${sound[3]}7`, 'NoSuchClass/v_x_g01_c01.avi 2', '../../etc/passwd 1', '/etc/passwd 1',
    'ARedCircleMovingLeft/none.avi', sound[5].replace(/\d$/, '1'), '\0 1', 'x'.repeat(5000), '# 1'];
  appendFileSync(list, `${hostile.join('\n')}\n`);

  const report = at('hostile/report.json');
  const words = [saved(config), '--out', at('hostile/unmade')];
  const checked = await commandLine(['check', ...words, '--report', report, '--jobs', '1']);
  assert.is(checked.code, 3, checked.stderr);
  const { problems, warnings, cleaned } = JSON.parse(readFileSync(report, 'utf8')) as CheckReport;
  const own = (lines: readonly LineProblem[]) => lines.filter(({ file }) => file === list).map(({ line }) => line);
  const broken = [2, 8, 13];
  assert.equal([...new Set(own(problems))], [...broken, ...hostile.map((_, i) => sound.length + 1 + i).slice(1)],
    'each line that cannot be used, and no other');
  for (const path of brokenFiles) {
    assert.is(problems.filter(({ problem }) => problem.includes(basename(path))).length, 1, path);
  }
  assert.equal(own(warnings), [sound.length + 1]);

  // the list as it is stops a run before its first step; what is left of it reads without a word
  const refused = await commandLine(['train', ...words]);
  assert.is(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, `${list}:${sound.length + 4}: "../../etc/passwd" steps out of its folder`);
  assert.match(refused.stderr, 'stands in line 1 already; it counts once');
  assert.not(existsSync(at('hostile/unmade')));
  const [{ path, labels, kept, leftOut }] = cleaned;
  assert.equal([kept, leftOut], [sound.length - broken.length, hostile.length + broken.length]);
  const clean = configOf({ ...keys, format: 'list', train: path, labels: labels ?? null });
  const { entries: left, problems: none, warnings: silent } = scanOf(clean, 'train', namesOf(clean));
  assert.equal([left.length, none, silent], [kept, [], []]);
  assert.ok(left.every((entry) =>
    !brokenFiles.includes(entry.path)
    && entries.some((clip) => clip.path === entry.path && clip.label === entry.label)
  ));

  // broken files alone do not stop a run: each is met once, replaced, and told of; its shots are left as a list
  writeFileSync(list, sound.map((line) => `${line}\r\n`).join(''));
  const few = configOf({ ...keys, val: null }, { maxBadShare: 0.3, shots: 5 });
  const out = at('hostile/going');
  const going = await commandLine(['train', saved(few), '--out', out]);
  assert.is(going.code, 0, going.stderr);
  assert.equal(readQuarantine(out).map((clip) => clip.path).sort(), [...brokenFiles].sort());
  const listed = { ...keys, format: 'list', train: join(out, 'shots.txt'), val: null, labels: join(out, 'labels.csv') };
  assert.equal(readRunData(configOf(listed as LayoutKeys)).identity, readRunData(few).identity,
    'the same clips in one order');
});

test.run();
