/** Kinetics in the layouts in which it is published. */
import fs, { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { writeCleaned } from '../train/run/cleaned.ts';
import { listOf, namesOf, scanOf } from '../train/run/lists.ts';
import { at, clips, configOf, put, refused, told } from './published_sample.ts';

const HEADER = 'label,youtube_id,time_start,time_end,split';
const KINETICS_KEYS = { format: 'kinetics', train: 'train.csv', val: 'val.csv' };

test('Kinetics is read as it is published: by folders of classes or flat, in any ending, with holes that are told once', () => {
  put('k/train.csv', `\ufeff"label","youtube_id","time_start","time_end","split","is_cc"\r\n${
    [
      '"riding a bike","---QUuC4vJs",84,94,"train",0',
      '"massaging person\'s head","-0x-wRp",3,13,"train",1',
      'abseiling,flat,0,10,train,0',
      'abseiling,plain,100000,100010,train,0',
      'abseiling,hole,1,11,train,0',
      '"riding a bike",hole2,1,11,train,0',
    ].join('\r\n\r\n')
  }\r\n`);
  put('k/val.csv', `${HEADER}\n"throwing, catching",new,1,11,validate\nabseiling,of_val,2,12,validate\n`);
  put('k/riding_a_bike/---QUuC4vJs_000084_000094.mkv');
  put("k/massaging person's head/-0x-wRp_000003_000013.MP4");
  put('k/flat_000000_000010.webm');
  put('k/train/abseiling/plain.mp4');
  put('k/abseiling/plain_000001_000011.mp4');
  put('k/abseiling/hole_000001_000011.txt');
  put('k/val/of_val_000002_000012.avi');
  const config = configOf('k', KINETICS_KEYS);
  const names = namesOf(config);
  assert.equal(names, ['abseiling', "massaging person's head", 'riding a bike']);
  const { entries, missing, warnings } = scanOf(config, 'train', names);
  assert.equal(clips(entries, 'k'), ['riding_a_bike/---QUuC4vJs_000084_000094.mkv 2',
    "massaging person's head/-0x-wRp_000003_000013.MP4 1", 'flat_000000_000010.webm 0', 'train/abseiling/plain.mp4 0']);
  assert.equal(told(missing), ['k/train.csv:10: "abseiling/hole_000001_000011" is not there',
    'k/train.csv:12: "riding a bike/hole2_000001_000011" is not there']);
  assert.equal(told(warnings), [
    'k/train.csv:10: "abseiling/hole_000001_000011" is not there, as 2 of 6 clips are not; they are left out, and `firstlight check` lists all',
  ]);
  const val = scanOf(config, 'val', names);
  assert.equal(told(val.problems), ['k/val.csv:2: label "throwing, catching" is none of the 3 classes']);
  assert.equal(clips(val.entries, 'k'), ['val/of_val_000002_000012.avi 0']);
});

test('a table of Kinetics without labels, or of which no clip is there, is refused with a sentence', () => {
  put('k_test/train.csv', 'youtube_id,time_start,time_end,split\nabc,1,11,test\n');
  assert.match(refused(() => namesOf(configOf('k_test', { ...KINETICS_KEYS, val: null })))[0],
    /^k_test\/train\.csv:1: is a table of Kinetics without labels, .*evaluate on the table of validation clips/);
  put('k_none/train.csv', `${HEADER}\nabseiling,abc,1,11,train\n`);
  const config = configOf('k_none', { ...KINETICS_KEYS, val: null });
  assert.equal(refused(() => listOf(config, 'train', namesOf(config))), [
    `k_none/train.csv:0: none of its 1 clips is in ${
      at('k_none')
    }: expected files such as "abseiling/abc_000001_000011.mp4", "abc_000001_000011.mp4" or "abc.mp4"; data.root names their folder`,
  ]);
  put('k_none/quotes.csv', `${HEADER}\n"saying ""no"", twice", "a",1,11,train\n"b", c ,1,11,train\n`);
  assert.equal(namesOf(configOf('k_none', { format: 'kinetics', train: 'quotes.csv' })), ['b', 'saying "no", twice']);
  put('k_none/list.txt', 'a.mp4 0\nb.mp4 1\n');
  assert.match(refused(() => namesOf(configOf('k_none', { format: 'kinetics', train: 'list.txt' })))[0],
    /^k_none\/list\.txt:1: is a list of clips; expected a table .*; set data\.format: list$/);
});

test('columns of a table of Kinetics stand in any order; a time without the other is none', () => {
  put('k_columns/abseiling/a_000001_000011.mp4');
  put('k_columns/abseiling/a.mp4');
  put('k_columns/abseiling/a_000002_000012.mp4');
  const columns = HEADER.split(',');
  const values = ['abseiling', 'a', '1', '11', 'train'];
  const read = (header: readonly string[], row: readonly string[]) => {
    put('k_columns/train.csv', `${header.join(',')}\n${row.join(',')}\n`);
    const config = configOf('k_columns', { ...KINETICS_KEYS, val: null });
    const { entries, warnings } = scanOf(config, 'train', namesOf(config));
    return [...clips(entries, 'k_columns'), ...told(warnings)];
  };
  for (const i of columns.keys()) {
    const turned = (all: readonly string[]) => [...all.slice(i), ...all.slice(0, i)];
    assert.equal(read(turned(columns), turned(values)), ['abseiling/a_000001_000011.mp4 0'], `${columns[i]} first`);
    assert.equal(read(turned(columns), turned(values.with(4, 'test'))).slice(1), [
      'k_columns/train.csv:2: is for "test", as 1 of 1 clips are, and given as data.train',
    ], `${columns[i]} first`);
  }
  for (const i of [2, 3]) {
    assert.equal(read(columns.toSpliced(i, 1), values.toSpliced(i, 1)), ['abseiling/a.mp4 0'], `no ${columns[i]}`);
    put('k_columns/train.csv', `${columns.toSpliced(i, 1).join()}\n${values.with(1, 'b').toSpliced(i, 1).join()}\n`);
    const { missing = [] } = scanOf(configOf('k_columns', { ...KINETICS_KEYS, val: null }), 'train', ['abseiling']);
    assert.equal(told(missing), ['k_columns/train.csv:2: "abseiling/b" is not there']);
  }
});

test('names of a table of Kinetics that are no names are told with their lines, and so is a table without any', () => {
  const names = () => namesOf(configOf('k_names', { ...KINETICS_KEYS, val: null }));
  put('k_names/train.csv', `${HEADER}\nabseiling,a,1,11,train\na\u0007,b,1,11,train\nABSEILING,c,1,11,train\n`);
  assert.equal(refused(names), [
    'k_names/train.csv:3: the name "a\\u0007" holds control characters, or marks that turn the direction of writing',
    'k_names/train.csv:4: the name "ABSEILING" is the same text to the tokenizer as "abseiling" in line 2',
  ]);
  put('k_names/train.csv', `${HEADER}\n`);
  assert.equal(refused(names), ['k_names/train.csv:0: holds no classes']);
  put('k_names/train.csv', '');
  assert.equal(refused(names), [
    'k_names/train.csv:0: expected the columns label, youtube_id, time_start, time_end, got ""',
  ]);
  put('k_names/train.csv', `${HEADER}\n`);
  const { problems, entries } = scanOf(configOf('k_names', { ...KINETICS_KEYS, val: null }), 'train', undefined);
  assert.equal(told(problems), ['k_names/train.csv:0: the table is empty']);
  assert.equal(entries, []);
});

test('clips of classes that are not known are no holes; without any names all clips are of one class', () => {
  put('k_any/train.csv', `${HEADER}\ndiving,a,1,11,train\ndiving,gone,1,11,train\nclimb,a,1,11,train\n`);
  put('k_any/a.mp4');
  put('k_any/gone_000001_000011.mp4/a folder');
  put('k_any/diving');
  put('k_bare/train.csv', 'label,youtube_id\nclimb,diving\n');
  put('k_bare/diving');
  const bare = scanOf(configOf('k_bare', { ...KINETICS_KEYS, val: null }), 'train', ['climb']);
  assert.match(told(bare.problems).join(), /^k_bare\/train\.csv:0: none of its 1 clips is in /,
    'a file without an ending');
  const scan = (names: readonly string[] | undefined) =>
    scanOf(configOf('k_any', { ...KINETICS_KEYS, val: null }), 'train', names);
  assert.equal(told(scan(['climb']).problems), ['k_any/train.csv:2: label "diving" is none of the 1 classes',
    'k_any/train.csv:3: label "diving" is none of the 1 classes']);
  assert.equal(told(scan(['climb']).missing), ['k_any/train.csv:3: "diving/gone_000001_000011" is not there']);
  assert.equal(clips(scan(undefined).entries, 'k_any'), ['a.mp4 0']);
  assert.equal(told(scan(undefined).warnings.slice(1)), [
    'k_any/train.csv:4: "a.mp4" stands in line 2 already; it counts once',
  ]);
});

test('problems of a table and of its clips are told in the order of their lines', () => {
  put('k_order/train.csv', `${HEADER}\ndiving,a,1,11,train\nclimb,a,1,noon,train\ndiving,a,1,11,train\n`);
  put('k_order/a.mp4');
  const { problems } = scanOf(configOf('k_order', { ...KINETICS_KEYS, val: null }), 'train', ['climb']);
  assert.equal(problems.map(({ line }) => line), [2, 3, 4]);
});

test('lines of a table of Kinetics that cannot be read are told at once; no line leads out of the root', () => {
  put('outside/abc_000001_000011.mp4');
  mkdirSync(at('k_wrong/abseiling'), { recursive: true });
  symlinkSync(at('outside/abc_000001_000011.mp4'), at('k_wrong/abseiling/link_000001_000011.mp4'));
  symlinkSync(at('outside'), at('k_wrong/climbing'));
  for (const name of ['a_000001_000011.mp4', 'a_000001_000011.webm', 'both.mp4']) put(`k_wrong/abseiling/${name}`);
  put('k_wrong/train.csv', `${HEADER}\n${
    [
      'abseiling,a,1,11,train',
      'abseiling,a,1,11',
      '"abseiling,b,1,11,train',
      ',b,1,11,train',
      'abseiling,../../outside/abc,1,11,train',
      'abseiling,a,1.5,11,train',
      'abseiling,link,1,11,train',
      'climbing,abc,1,11,train',
      'abseiling,both,1,11,train',
      'climbing,both,2,12,validate',
      'abseiling,both,3,13,train',
    ].join('\n')
  }\n`);
  put('k_wrong/abseiling/both.mp4');
  put('k_wrong/both.mp4');
  const config = configOf('k_wrong', { ...KINETICS_KEYS, val: null });
  const { problems, warnings, entries } = scanOf(config, 'train', ['abseiling', 'climbing']);
  const link = (name: string) =>
    `is a link that leads to ${at('outside/abc_000001_000011.mp4')}, outside of the root folder ${
      at('k_wrong')
    }; if that is meant, put a folder that holds it into data.roots: [${at('outside')}]`.replace(/^/, `"${name}" `);
  assert.equal(told(problems), [
    'k_wrong/train.csv:3: expected 5 values as in the header, got "abseiling,a,1,11"',
    'k_wrong/train.csv:4: expected 5 values as in the header, got "\\"abseiling,b,1,11,train"',
    'k_wrong/train.csv:5: has no label',
    'k_wrong/train.csv:6: youtube_id "../../outside/abc" cannot be the name of a file',
    'k_wrong/train.csv:7: the time "1.5" is no whole number of seconds',
    `k_wrong/train.csv:8: ${link('abseiling/link_000001_000011.mp4')}`,
    `k_wrong/train.csv:9: ${link('climbing/abc_000001_000011.mp4')}`,
  ]);
  assert.equal(told(warnings), [
    'k_wrong/train.csv:11: is for "validate", as 1 of 6 clips are, and given as data.train',
    'k_wrong/train.csv:2: "abseiling/a_000001_000011.mp4" is taken, and "abseiling/a_000001_000011.webm" is not',
    'k_wrong/train.csv:12: "abseiling/both.mp4" stands in line 10 already; it counts once',
  ]);
  assert.equal(clips(entries, 'k_wrong'), ['abseiling/a_000001_000011.mp4 0', 'abseiling/both.mp4 0', 'both.mp4 1']);
  rmSync(at('k_wrong/both.mp4'));
  symlinkSync(at('k_wrong/abseiling/both.mp4'), at('k_wrong/both.mp4'));
  assert.match(told(scanOf(config, 'train', ['abseiling', 'climbing']).problems).at(-1) ?? '',
    /train\.csv:11: "both\.mp4" stands in line 10 already, there with label "abseiling", here "climbing"$/);
});

test('each folder is read once, however many clips are looked for in it', () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 2 === 0 ? 'abseiling' : 'climbing'},c${i},1,11,train`);
  put('k_often/train.csv', `${HEADER}\n${rows.join('\n')}\n`);
  for (let i = 0; i < 40; i++) put(`k_often/${i % 2 === 0 ? 'abseiling' : 'climbing'}/c${i}.mp4`);
  const { readdirSync } = fs;
  let reads = 0;
  fs.readdirSync = ((...asked: Parameters<typeof readdirSync>) => {
    reads++;
    return readdirSync(...asked);
  }) as typeof readdirSync;
  syncBuiltinESMExports();
  try {
    const config = configOf('k_often', { ...KINETICS_KEYS, val: null });
    assert.is(scanOf(config, 'train', ['abseiling', 'climbing']).entries.length, 40);
  } finally {
    fs.readdirSync = readdirSync;
    syncBuiltinESMExports();
  }
  assert.ok(reads >= 3 && reads <= 6, `${reads} folders were read`);
});

test('a link to nothing, or to a file, in the place of the folder of a class holds no clips', () => {
  put('k_links/abc_000001_000011.mp4');
  symlinkSync(at('k_links/nowhere'), at('k_links/abseiling'));
  symlinkSync(at('k_links/abc_000001_000011.mp4'), at('k_links/climbing'));
  put('k_links/train.csv', `${HEADER}\nabseiling,abc,1,11,train\nclimbing,gone,1,11,train\n`);
  const config = configOf('k_links', { ...KINETICS_KEYS, val: null });
  const { entries, missing } = scanOf(config, 'train', ['abseiling', 'climbing']);
  assert.equal(clips(entries, 'k_links'), ['abc_000001_000011.mp4 0']);
  assert.equal(told(missing), ['k_links/train.csv:3: "climbing/gone_000001_000011" is not there']);
});

test('a table of Kinetics that check cleans leaves out the holes, and is a list', async () => {
  put('clean_k/train.csv', `${HEADER}\nb,there,1,11,train\na,hole,1,11,train\n`);
  put('clean_k/there.mp4');
  const kinetics = configOf('clean_k', { ...KINETICS_KEYS, val: null });
  const table = { part: 'train', file: at('clean_k/train.csv'), ...scanOf(kinetics, 'train', ['a', 'b']) } as const;
  const { path = '', leftOut } = (await writeCleaned(table, kinetics.data, ['a', 'b'], () => false)) ?? {};
  assert.equal([readFileSync(path, 'utf8'), leftOut], ['there.mp4 1\n', 1]);
});

test.run();
