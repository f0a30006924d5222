/** UCF-101 and HMDB-51 in the layouts in which they are published; shots of them. */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { forAll } from './for_all.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, type LineProblem } from '../engine/errors.ts';
import { readLabels, readList } from '../train/data/sets/lists.ts';
import { labelsText, listText } from '../train/data/sets/shots.ts';
import { formatConfig, parseConfig } from '../train/run/config.ts';
import { changesBetween } from '../train/run/changes.ts';
import { writeCleaned } from '../train/run/cleaned.ts';
import { publishedSet } from '../train/data/sets/published.ts';
import { seenWarnings } from '../train/data/sets/sets.ts';
import { listOf, namesOf, scanOf } from '../train/run/lists.ts';
import { preflight } from '../train/run/preflight.ts';
import { readRunData } from '../train/run/run_data.ts';
import { at, clips, configOf, put, refused, told } from './published_sample.ts';

// UCF-101

const UCF = ['ApplyEyeMakeup', 'HandstandPushups', 'YoYo'];
const ucf = (label: number, group: number, take = 1) =>
  `${UCF[label]}/v_${UCF[label]}_g${String(group).padStart(2, '0')}_c0${take}.avi`;
const UCF_KEYS = { format: 'ucf101', train: 'lists/trainlist0{split}.txt', val: 'lists/testlist0{split}.txt',
  root: 'UCF-101' };

function putUcf(folder: string): void {
  for (const label of UCF.keys()) for (const group of [1, 2, 3]) put(`${folder}/UCF-101/${ucf(label, group)}`);
  put(`${folder}/lists/classInd.txt`, `\ufeff${UCF.map((name, i) => `${i + 1} ${name}\r\n`).join('')}\r\n`);
  for (const split of [1, 2, 3]) {
    const lines = (groups: readonly number[], line: (label: number, group: number) => string) =>
      UCF.flatMap((_, label) => groups.map((group) => `${line(label, group)}\r\n`)).join('\r\n');
    put(`${folder}/lists/trainlist0${split}.txt`, lines([1, 2, 3].filter((group) =>
      group !== split
    ), (label, group) => `${ucf(label, group)} ${label + 1}`));
    put(`${folder}/lists/testlist0${split}.txt`, lines([split], ucf));
  }
}

test('UCF-101 is read as it is published, in each of its splits: test clips have the class of their folder', () => {
  putUcf('ucf');
  for (const split of [1, 2, 3]) {
    const config = configOf('ucf', { ...UCF_KEYS, split });
    const names = namesOf(config);
    assert.equal(names, UCF);
    assert.equal(clips(listOf(config, 'val', names).entries, 'ucf/UCF-101'), UCF.map((_, label) =>
      `${ucf(label, split)} ${label}`
    ));
    assert.is(listOf(config, 'train', names).entries.length, 6);
    assert.match(readRunData(config).train.file, `trainlist0${split}.txt`);
  }
  const words = configOf('ucf', { ...UCF_KEYS, names: 'words' });
  assert.equal(namesOf(words), ['Apply Eye Makeup', 'Handstand Pushups', 'Yo Yo']);
  assert.equal(listOf(words, 'val', namesOf(words)), listOf(words, 'val', UCF), 'however the names are written');
});

test('everything that is wrong with lists of UCF-101 is told at once, with its line', async () => {
  putUcf('ucf_wrong');
  put('ucf_wrong/outside.avi');
  put('ucf_wrong/UCF-101/Diving/v_Diving_g01_c01.avi');
  put('ucf_wrong/lists/trainlist01.txt',
    [`${ucf(0, 1)} 1`, `${ucf(0, 1)} 1`, `${ucf(0, 2)} 2`, `${ucf(1, 2)} 4`, 'Diving/v_Diving_g01_c01.avi',
      `${ucf(1, 9)} 2`, '../outside.avi 1', 'lone.avi', `${ucf(2, 1)} 3`, `${ucf(1, 1)} 2`].join('\n'));
  put('ucf_wrong/lists/testlist01.txt', `${ucf(1, 3)}\n${ucf(2, 1)}\n${ucf(1, 1)}\n`);
  const { errors, warnings } = await preflight(configOf('ucf_wrong', UCF_KEYS), { out: at('runs/x') });
  const problems = errors.flatMap(({ context }) => context.problems as LineProblem[]);
  assert.equal(told(problems), [
    `ucf_wrong/lists/trainlist01.txt:3: has label 2, "HandstandPushups", and lies in a folder named as class 1, "ApplyEyeMakeup"`,
    'ucf_wrong/lists/trainlist01.txt:4: label 4 is none of the 3 classes, 1 to 3',
    'ucf_wrong/lists/trainlist01.txt:5: its folder tells its class, and "Diving" is none of the 3 classes',
    `ucf_wrong/lists/trainlist01.txt:6: "${ucf(1, 9)}" does not exist`,
    'ucf_wrong/lists/trainlist01.txt:7: "../outside.avi" steps out of its folder with ".."',
    'ucf_wrong/lists/trainlist01.txt:8: "lone.avi" has no label, and no folder that tells its class',
    'ucf_wrong/lists/trainlist01.txt:8: "lone.avi" does not exist',
    ...[[2, 2, 9], [3, 1, 10]].map(([line, label, there]) =>
      `ucf_wrong/lists/testlist01.txt:${line}: "${ucf(label, 1)}" stands in line ${there} of ${
        at('ucf_wrong/lists/trainlist01.txt')
      } too: it is trained on and measured on`
    ),
  ]);
  assert.equal(told(warnings), [
    `ucf_wrong/lists/trainlist01.txt:2: "${ucf(0, 1)}" stands in line 1 already; it counts once`,
  ]);
});

test('classInd.txt with gaps, doubles and other lines tells all of them', () => {
  putUcf('ucf_names');
  put('ucf_names/lists/classInd.txt', '1 YoYo\n1 Archery\n4 yoyo\n6 Far\nDiving\n');
  assert.equal(refused(() => namesOf(configOf('ucf_names', UCF_KEYS))), [
    'ucf_names/lists/classInd.txt:2: id 1 was given before, to "YoYo"',
    'ucf_names/lists/classInd.txt:3: the name "yoyo" is the same text to the tokenizer as "YoYo" in line 1',
    'ucf_names/lists/classInd.txt:4: id 6 leaves a gap: 5 classes have the ids 1 to 5',
    'ucf_names/lists/classInd.txt:5: expected "1 Class", got "Diving"',
  ]);
  put('ucf_names/official.csv', labelsText(['Yo Yo', 'apply eye makeup', 'handstand_pushups']));
  const official = configOf('ucf_names', { ...UCF_KEYS, labels: 'official.csv' });
  assert.match(refused(() => listOf(official, 'train', namesOf(official)))[0],
    /label 1, "Yo Yo", and lies in a folder named as class 2, "apply eye makeup"/,
    'names in another order are no trap');
});

test('lists of UCF-101 that are generated, written and read are what they were', () => {
  const names = ['A', 'B'];
  const take = fc.record({ label: fc.constantFrom(0, 1), name: fc.stringMatching(/^[a-z]([a-z ]{0,6}[a-z])?$/),
    isLabelled: fc.boolean(), end: fc.constantFrom('\n', '\r\n', '\n\n', ' \r\n\r\n') });
  const config = configOf('ucf_any', { format: 'ucf101', train: 'list.txt' });
  put('ucf_any/classInd.txt', '1 A\n2 B\n');
  forAll(
    fc.property(fc.uniqueArray(take, { selector: ({ name, label }) => `${label} ${name}`, minLength: 1 }), (takes) => {
      for (const { label, name } of takes) put(`ucf_any/${names[label]}/${name}.avi`);
      put('ucf_any/list.txt',
        `\ufeff${
          takes.map(({ label, name, isLabelled, end }) =>
            `${names[label]}/${name}.avi${isLabelled ? ` ${label + 1}` : ''}${end}`
          ).join('')
        }`);
      assert.equal(clips(listOf(config, 'train', names).entries, 'ucf_any'),
        takes.map(({ label, name }) => `${names[label]}/${name}.avi ${label}`));
    }),
    { numRuns: 25 },
  );
});

// HMDB-51

const HMDB = ['brush_hair', 'kick', 'kick_ball'];
const hmdb = (label: number, take: number) => `#${take} Film, part 2_${HMDB[label]}_u_nm_np1_ba_goo_${take}.avi`;
const HMDB_KEYS = { format: 'hmdb51', train: 'splits', val: 'splits' };

function putHmdb(folder: string): void {
  for (const [label, name] of HMDB.entries()) {
    for (const take of [0, 1, 2, 3]) put(`${folder}/${name}/${hmdb(label, take)}`);
    for (const split of [1, 2, 3]) {
      const marks = [0, 1, 2, 3].map((take) => (take === 3 ? 1 : take === split - 1 ? 2 : take === 2 ? 0 : 1));
      put(`${folder}/splits/${name}_test_split${split}.txt`, marks.map((mark, take) =>
        `${hmdb(label, take)} ${mark} \r\n`
      ).join(''));
    }
  }
}

test('HMDB-51 is read as it is published: marks say what a clip is for, names begin with #, names are of files', () => {
  putHmdb('hmdb');
  const config = (split: number) => configOf('hmdb', { ...HMDB_KEYS, split });
  const names = namesOf(config(1));
  assert.equal(names, ['brush hair', 'kick', 'kick ball'], 'as the official label list has them');
  for (const split of [1, 2, 3]) {
    assert.equal(clips(listOf(config(split), 'val', names).entries, 'hmdb'), HMDB.map((name, label) =>
      `${name}/${hmdb(label, split - 1)} ${label}`
    ));
  }
  assert.equal(clips(listOf(config(1), 'train', names).entries, 'hmdb').slice(0, 2),
    [1, 3].map((take) => `brush_hair/${hmdb(0, take)} 0`));
  put('hmdb/official.csv', labelsText(['kick', 'Brush hair', 'kick ball']));
  const official = configOf('hmdb', { ...HMDB_KEYS, labels: 'official.csv' });
  assert.equal(listOf(official, 'val', namesOf(official)).entries.map(({ label }) => label), [1, 0, 2]);
});

test('everything that is wrong with splits of HMDB-51 is told once, though both parts read them', async () => {
  putHmdb('hmdb_wrong');
  put('hmdb_wrong/splits/brush_hair_test_split1.txt',
    [`${hmdb(0, 0)} 1`, `${hmdb(0, 1)} 3`, `${hmdb(0, 2)} 2`, `${hmdb(0, 0)} 2`, 'none.avi 1', 'alone'].join('\n'));
  put('hmdb_wrong/splits/kick_test_split1.txt', `kick/a.avi 0\n${hmdb(1, 3)} 1\n`);
  rmSync(at('hmdb_wrong/splits/kick_ball_test_split1.txt'));
  const { errors, lists } = await preflight(configOf('hmdb_wrong', HMDB_KEYS), { out: at('runs/x') });
  assert.equal(told(errors.flatMap(({ context }) => context.problems as LineProblem[])), [
    `hmdb_wrong/splits/brush_hair_test_split1.txt:2: expected "clip.avi" and a mark 0, 1 or 2, got ${
      JSON.stringify(`${hmdb(0, 1)} 3`)
    }`,
    `hmdb_wrong/splits/brush_hair_test_split1.txt:4: "${hmdb(0, 0)}" is for testing here, and for training in line 1`,
    'hmdb_wrong/splits/brush_hair_test_split1.txt:5: "brush_hair/none.avi" does not exist',
    'hmdb_wrong/splits/brush_hair_test_split1.txt:6: expected "clip.avi" and a mark 0, 1 or 2, got "alone"',
    'hmdb_wrong/splits/kick_ball_test_split1.txt:0: no such file',
  ]);
  assert.equal(lists.map(({ entries }) => entries.length), [1, 1], 'a clip of both marks is used for neither');
  assert.match(refused(() => namesOf(configOf('hmdb_wrong', { ...HMDB_KEYS, train: 'run.yaml' })))[0],
    'no such folder');
  assert.match(refused(() => namesOf(configOf('hmdb_wrong', { ...HMDB_KEYS, train: 'kick' })))[0],
    'holds no files such as brush_hair_test_split1.txt');
});

test('a folder of splits that tells no classes, or no clips of a part, is refused, and so is a list among the splits', () => {
  const scan = (names: readonly string[] | undefined, part: 'train' | 'val' = 'train') =>
    scanOf(configOf('hmdb_odd', HMDB_KEYS), part, names);
  put('hmdb_odd/kick/a.avi');
  put('hmdb_odd/splits/kick_test_split1.txt', 'a.avi 1\n');
  put('hmdb_odd/splits/._kick_test_split1.txt', 'no list, but what macOS leaves\n');
  assert.equal(clips(scan(undefined).entries, 'hmdb_odd'), ['kick/a.avi 0'], 'without names all are of one class');
  assert.equal(told(scan(['kick'], 'val').problems), ['hmdb_odd/splits:0: no clip of split 1 has the mark 2']);
  put('hmdb_odd/splits/wave_test_split1.txt', 'b.avi 1\n');
  const unknown = 'hmdb_odd/splits/wave_test_split1.txt:0: its class is not known: "wave" is none of the 1 classes';
  assert.equal(told(scan(['kick']).problems), [unknown]);
  assert.equal(told(scan(['kick'], 'val').problems), [unknown],
    'that there are no clips is said where nothing else is');
  put('hmdb_odd/splits/wave_test_split1.txt', 'kick/b.avi, 3\n');
  assert.match(told(scan(['kick', 'wave']).problems).join(),
    /^hmdb_odd\/splits\/wave_test_split1\.txt:0: is a list whose values are separated by "," or ";"; expected lines /);
  put('hmdb_odd/splits/wave_test_split1.txt', 'kick/b.avi, 3\nb.avi 1\n');
  assert.equal(told(scan(['kick', 'wave']).problems), [
    'hmdb_odd/splits/wave_test_split1.txt:1: expected "clip.avi" and a mark 0, 1 or 2, got "kick/b.avi, 3"',
    'hmdb_odd/splits/wave_test_split1.txt:2: "wave/b.avi" does not exist',
  ]);
  put(`hmdb_odd/splits/${'\u200f'}_test_split1.txt`);
  assert.equal(refused(() => namesOf(configOf('hmdb_odd', HMDB_KEYS))), [
    'hmdb_odd/splits:0: the name "\\u200f" holds control characters, or marks that turn the direction of writing',
  ]);
});

test('a list of UCF-101 that is empty, that is another file, or that is read without names', () => {
  const scan = (text: string, names: readonly string[] | null = UCF) => {
    put('ucf_odd/list.txt', text);
    return scanOf(configOf('ucf_odd', { format: 'ucf101', train: 'list.txt' }), 'train', names ?? undefined);
  };
  put('ucf_odd/YoYo/a.avi');
  put('ucf_odd/_/b.avi');
  assert.equal(told(scan('').problems), ['ucf_odd/list.txt:0: the list is empty']);
  assert.equal(clips(scan('YoYo/a.avi\n', null).entries, 'ucf_odd'), ['YoYo/a.avi 0']);
  assert.equal(clips(scan('_/b.avi 1\nYoYo/a.avi 3\n').entries, 'ucf_odd'), ['_/b.avi 0', 'YoYo/a.avi 2']);
  for (const label of [0, 4, -1]) {
    assert.equal(told(scan(`_/b.avi ${label}\n`).problems), [
      `ucf_odd/list.txt:1: label ${label} is none of the 3 classes, 1 to 3`,
    ]);
  }
  const names = scan('1 YoYo\n2 Archery\n');
  assert.equal(names.entries, []);
  assert.match(told(names.problems).join(), /^ucf_odd\/list\.txt:0: is class names counted from 1, [^,]*$/);
  assert.match(told(scan('1 YoYo\n', null).problems).join(), /^ucf_odd\/list\.txt:0: is class names counted from 1, /);
  const mixed = scan('YoYo/a.avi\nname,of,columns\n');
  assert.equal(told(mixed.problems), [
    'ucf_odd/list.txt:2: "name,of,columns" has no label, and no folder that tells its class',
    'ucf_odd/list.txt:2: "name,of,columns" does not exist',
  ]);
  assert.equal(mixed.entries.length, 1);
  const sound = scan('YoYo/a.avi\nYoYo/a.avi 1\n');
  assert.match(told(sound.problems).join(),
    /^ucf_odd\/list\.txt:2: has label 1, "ApplyEyeMakeup", and lies in a folder/);
});

test('an empty classInd.txt has no classes, one that is a labels.csv is read as one; a file without an ending is a clip', () => {
  const config = configOf('ucf_few', { format: 'ucf101', train: 'list.txt' });
  put('ucf_few/YoYo/a');
  put('ucf_few/list.txt', 'YoYo/a\n');
  for (const [text, fault] of [['', 'holds no classes'], ['id,name\n', 'holds no classes'], ['id\n',
    'is names, one a line']]) {
    assert.match(refused(() => namesOf((put('ucf_few/classInd.txt', text), config)))[0], fault, text);
  }
  assert.equal(clips(scanOf(config, 'train', ['YoYo']).entries, 'ucf_few'), ['YoYo/a 0']);
  put('ucf_few/list.txt', '1 YoYo\n');
  assert.match(told(scanOf(config, 'train', ['YoYo']).problems)[0], /list\.txt:0: is class names counted from 1/);
});

// Classes that were seen before

test('classes that another list names are told, or left out with their clips, as long as two are left', () => {
  const [a, b] = UCF;
  putUcf('seen');
  const config = (data: object = {}) => configOf('seen', { ...UCF_KEYS, ...data });
  const told1 = (data: object) => told(seenWarnings(config(data).data));
  put('seen/one.txt', 'yo yo\nsurfing\n');
  put('seen/none.csv', 'id,name\n0,diving\n1,surfing\n');
  put('seen/two.csv', `label,youtube_id\n${a},x\n${b},x\n${a},y\n`);
  assert.equal(told1({}), []);
  assert.equal(told1({ seen: 'none.csv' }), []);
  assert.equal(told1({ seen: 'one.txt' }), [
    'seen/one.txt:0: has 1 of the 3 classes, which are not new to a model that was trained on it; data.unseenOnly=true leaves them out: "YoYo"',
  ]);
  assert.equal(told1({ seen: 'two.csv', unseenOnly: true }), [
    `seen/two.csv:0: has 2 of the 3 classes, which are left out: "${a}", "${b}"`,
  ]);
  assert.equal(namesOf(config({ seen: 'one.txt' })), UCF);
  const without = config({ seen: 'one.txt', unseenOnly: true });
  assert.equal(namesOf(without), [a, b]);
  const { entries, leftOut } = listOf(without, 'val', namesOf(without));
  assert.equal([clips(entries, 'seen/UCF-101'), leftOut], [[`${ucf(0, 1)} 0`, `${ucf(1, 1)} 1`], 1]);
  assert.is(listOf(config(), 'val', UCF).leftOut, 0);
  assert.equal(scanOf(without, 'val', undefined).entries.map(({ label }) => label), [0, 0, 0], 'names cannot be read');
  assert.equal(refused(() => namesOf(config({ seen: 'two.csv', unseenOnly: true }))), [
    `seen/two.csv:0: has 2 of the 3 classes of ${at('seen/lists/classInd.txt')}: without them too few are left`,
  ]);
});

test('a data set is known by its format, or by the last of the names in the path of its list', () => {
  for (const [format, list, name] of [
    ['list', 'k400.csv', 'Kinetics-400'],
    ['list', '/data/Kinetics_600/train.csv', 'Kinetics-600'],
    ['list', '/data/kinetics400/of/k600/train.csv', 'Kinetics-600'],
    ['list', '/data/k600/of/kinetics-400/train.csv', 'Kinetics-400'],
    ['list', '/k400/k600/k400', 'Kinetics-400'],
    ['list', '/data/UCF-101/k400/hmdb51/list.txt', 'HMDB-51'],
    ['ucf101', '/data/k400/list.txt', 'UCF-101'],
    ['hmdb51', '/data/ucf101/list.txt', 'HMDB-51'],
    ['kinetics', '/data/list.txt', undefined],
  ] as const) assert.is(publishedSet(format, list)?.name, name, list);
  // arXiv:1808.01340 and 1705.06950, of which some are gone; trainlist01.txt; 70 of each class
  for (const [path, clips, isRounded] of [['k600', 390_000, true], ['k400', 240_000, true], ['ucf101', 9537, false], [
    'hmdb51',
    51 * 70,
    false,
  ]] as const) {
    const { name = '', ...set } = publishedSet('list', path) ?? {};
    assert.equal(set, { classes: Number(/\d+$/.exec(name)?.[0]), clips, isRounded });
  }
});

// Keys

test('what a format needs is asked for before anything is read', () => {
  const refuse = (data: object) => assert.throwsWith(() => configOf('keys', data), ConfigError).message;
  assert.match(refuse({ train: 'a.txt' }), 'data.labels: is missing: a text, where data.format is list');
  assert.match(refuse({ ...UCF_KEYS, firstLabel: 1 }), 'data.firstLabel: is for data.format: list; ucf101 says itself');
  assert.match(refuse({ ...UCF_KEYS, train: 'trainlist01.txt', val: null, split: 2 }),
    'data.split: is 2, and no list depends on it: write {split}');
  assert.match(refuse({ ...UCF_KEYS, format: 'ucf' }), 'data.format: expected one of list, kinetics, ucf101, hmdb51');
  assert.match(refuse({ ...UCF_KEYS, split: 4 }), 'data.split: expected one of 1, 2, 3, got 4');
  assert.is(configOf('keys', { ...HMDB_KEYS, split: 3 }).data.split, 3);
  const kept = configOf('keys', { ...UCF_KEYS, split: 3 });
  assert.equal(parseConfig(formatConfig(kept, at('keys/run')), at('keys/run/config.yaml')), kept);
});

// Shots

test('K shots of each class are drawn by the seed, fewer are among more, and the list that is written reads as one', () => {
  for (const [label, name] of HMDB.entries()) {
    for (let take = 0; take < 20; take++) put(`shots/${name}/${hmdb(label, take)}`);
    put(`shots/splits/${name}_test_split1.txt`, Array.from({ length: 20 }, (_, take) =>
      `${hmdb(label, take)} ${take < 17 ? 1 : 2}\n`).join(''));
  }
  const config = (data: object) => configOf('shots', { ...HMDB_KEYS, ...data });
  const drawn = (data: object) => readRunData(config(data));
  const before = new Set<string>();
  for (const shots of [2, 4, 8, 16]) {
    const { train, val, names, listed } = drawn({ shots });
    const counts = names.map((_, own) => train.entries.filter(({ label }) => label === own).length);
    assert.equal(counts, [shots, shots, shots]);
    assert.is(val?.entries.length, 9, 'all clips are measured');
    for (const path of before) assert.ok(train.entries.some((entry) => entry.path === path));
    for (const { path } of train.entries) before.add(path);
    const list = put('shots_run/shots.txt', listText(listed));
    const read = readLabels(put('shots_run/labels.csv', labelsText(names)));
    assert.equal(readList(list, { root: at('shots'), names: read }).entries, train.entries);
  }
  assert.equal(drawn({ shots: 4 }).identity, drawn({ shots: 4 }).identity);
  assert.is.not(drawn({ shots: 4 }).identity['data.train'], drawn({ shots: 4, shotSeed: 7 }).identity['data.train']);
  assert.equal(refused(() => drawn({ shots: 18 })), [
    'shots/splits:0: data.shots takes 18 clips of each class, 3 of 3 have fewer: "brush hair" has 17, "kick" has 17, "kick ball" has 17',
  ]);
});

test('a run goes on with the shots that it was begun with, however they are listed, and with no others', () => {
  const described = (data: object) => {
    const config = configOf('shots', { ...HMDB_KEYS, ...data });
    return { config: formatConfig(config, at('shots')), data: readRunData(config).identity };
  };
  const begun = described({ shots: 4 });
  const { listed, names } = readRunData(configOf('shots', { ...HMDB_KEYS, shots: 4 }));
  put('shots/run/shots.txt', listText(listed));
  put('shots/run/labels.csv', labelsText(names));
  const changes = (data: object) => changesBetween(begun, described(data)).map(({ key }) => key);
  assert.equal(changes({ shots: 4 }), []);
  const again = { format: 'list', train: 'run/shots.txt', labels: 'run/labels.csv', root: '.', val: null };
  assert.equal(changes(again), ['data.val']);
  assert.equal(changes({ shots: 8 }), ['data.train']);
  assert.equal(changes({ shots: 4, shotSeed: 1 }), ['data.train']);
  assert.equal(changes({ shots: 4, names: 'words' }), [], 'HMDB-51 has words already');
  // a run of before these keys read lists, all of them
  const { data, config } = described(again);
  const old = { data, config: config.replace(/^ {2}(format|split|names|shots|shotSeed):.*\n/gm, '') };
  assert.equal(changesBetween(old, described(again)), []);
});

// Cleaned lists

test('a list that check cleans is in the official style, whatever the format, and reads as one', async () => {
  putHmdb('clean');
  const config = configOf('clean', HMDB_KEYS);
  const names = namesOf(config);
  const list = { part: 'train', file: at('clean/splits'), ...scanOf(config, 'train', names) } as const;
  const broken = list.entries[1].path;
  const cleaned = await writeCleaned(list, config.data, names, (path) => path === broken);
  assert.equal(cleaned, { list: at('clean/splits'), path: at('clean/splits.train1.checked.txt'),
    labels: at('clean/labels.checked.csv'), kept: 5, leftOut: 1 });
  const again = configOf('clean', { train: 'splits.train1.checked.txt', labels: 'labels.checked.csv' });
  assert.equal(namesOf(again), names);
  assert.equal(listOf(again, 'train', names).entries, list.entries.filter(({ path }) => path !== broken).map((
    { path, label },
  ) => ({ path, label })));
});

test.run();
