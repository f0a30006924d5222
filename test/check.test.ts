/** `firstlight check`: every file of the lists decoded, a complete report, cleaned lists, and no work done twice. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, utimesSync,
  writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { check, type CheckReport, textOf } from '../train/commands/check.ts';
import { writePng } from '../train/data/video/stills.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { tryFiles } from '../train/data/loading/try_files.ts';
import type { Tried } from '../train/data/loading/tried.ts';
import { writeCleaned } from '../train/run/cleaned.ts';
import { packageVersion } from '../train/run/machine.ts';
import { Findings } from '../train/run/findings.ts';
import { scanList } from '../train/data/sets/lists.ts';
import { loadConfig } from '../train/run/config.ts';
import { commandLine, printed } from './command_line.ts';
import { clip } from './video_sample.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-check-')));
const at = (name: string) => join(root, name);
const SAMPLE = fileURLToPath(new URL('./try_child_sample.ts', import.meta.url));

async function triedAll(paths: readonly string[],
  options: { jobs?: number; child?: string; signal?: AbortSignal } = {}) {
  const found = new Map<string, Tried>();
  await tryFiles(paths, { jobs: 2, onTried: (path, tried) => found.set(path, tried), ...options });
  return found;
}

test('files are decoded whole, in processes of their own: sound ones by what is in them, others by what is wrong', async () => {
  writeVideo(at('sound.mp4'), clip(7));
  writePng(at('still.png'), new Uint8Array(3 * 4 * 4), 4, 4);
  writeFileSync(at('text.mp4'), 'no video');
  const bytes = readFileSync(at('sound.mp4'));
  writeFileSync(at('cut.mp4'), bytes.subarray(0, bytes.length / 2));
  const found = await triedAll(['sound.mp4', 'still.png', 'text.mp4', 'cut.mp4', 'absent.mp4'].map(at));
  assert.equal(found.get(at('sound.mp4')), { frames: 7, width: 64, height: 48 });
  assert.equal(found.get(at('still.png')), { frames: 1, width: 4, height: 4 });
  const problem = (name: string) => {
    const tried = found.get(at(name)) as Tried;
    return 'problem' in tried ? `${tried.problem}${tried.isPassing === true ? ', for now' : ''}` : '';
  };
  assert.match(problem('text.mp4'), /^is a text, not a video that is read here$/);
  assert.match(problem('cut.mp4'), /^is cut off: [\d,]+ bytes are missing at the end$/);
  assert.is(problem('absent.mp4'), 'no such file, for now');
});

test('a file that makes its decoder crash costs a process, and the others are tried all the same', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const found = await triedAll(['a', 'crash', 'b', 'leave', 'c'], { jobs: 1, child: SAMPLE });
  assert.is(timers(), before, 'no clock runs on');
  assert.equal([...found.keys()], ['a', 'crash', 'b', 'leave', 'c']);
  assert.equal(found.get('crash'), { problem: 'makes its decoder crash (SIGSEGV)', isPassing: true });
  assert.equal(found.get('leave'), { problem: 'makes its decoder crash (status 3)', isPassing: true });
  assert.equal(found.get('c'), { frames: 1, width: 2, height: 2 });
});

test('a file that takes more than half an hour is given up for now, and its process is ended', async () => {
  const { setTimeout } = globalThis;
  let files = 0;
  globalThis.setTimeout =
    ((run: () => void, milliseconds: number) =>
      setTimeout(run, milliseconds === 1_800_000 && ++files === 2 ? 0 : milliseconds)) as typeof setTimeout;
  try {
    const found = await triedAll(['a', 'hang'], { jobs: 1, child: SAMPLE });
    assert.equal(found.get('a'), { frames: 1, width: 2, height: 2 });
    assert.equal(found.get('hang'), { problem: 'takes more than 30 minutes to decode', isPassing: true });
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

test('a process that cannot start is an error, not the fault of every file; a signal ends what hangs', async () => {
  const ending = (text: string, code = 'FL_DECODER') => {
    writeFileSync(at('nothing.mjs'), text);
    return assert.rejectsWith(triedAll(['a'], { child: at('nothing.mjs') }), { code });
  };
  const thrown = await ending('throw new Error("no decoder here");');
  assert.is(thrown.message, 'the process that was to decode a ended: Error: no decoder here');
  const said = await ending('console.error("first\\nno library here"); process.exit(2);');
  assert.is(said.message, 'the process that was to decode a ended: no library here');
  assert.match((await ending('process.exit(2);')).message, / ended: status 2$/);
  const long = await ending('console.error("x".repeat(5000) + "yz"); process.exit(2);');
  assert.match(long.message, / ended: x{1997}yz$/);
  const abort = new AbortController();
  const found = triedAll(['a', 'hang', 'b'], { jobs: 1, child: SAMPLE, signal: abort.signal });
  setTimeout(() => abort.abort(), 1500);
  assert.ok(!(await found).has('hang'));
});

test('what was found is kept by path, size and time of change, and read again after a stop in the middle', () => {
  const file = at('run.check.jsonl');
  const seen = { path: '/x/a.mp4', size: 10, modified: 5.25 };
  const first = new Findings(file);
  first.add(seen, { frames: 3, width: 4, height: 2 });
  first.add({ ...seen, path: '/x/b.mp4' }, { problem: 'is cut off' });
  first.add({ ...seen, path: '/x/e.gif' }, { frames: 1, width: 1, height: 1 });
  first.add({ ...seen, path: '/x/c.mp4' }, { problem: 'no such file', isPassing: true });
  writeFileSync(file, '{"path":"/x/d.mp4","si', { flag: 'a' });
  const second = new Findings(file);
  assert.equal(second.of(seen), { frames: 3, width: 4, height: 2 });
  assert.equal(second.of({ ...seen, path: '/x/b.mp4' }), { problem: 'is cut off' });
  assert.equal(second.of({ ...seen, path: '/x/e.gif' }), { frames: 1, width: 1, height: 1 });
  assert.is(readFileSync(file, 'utf8').split('\n')[0], `{"check":1,"decoder":"node-av ${packageVersion('node-av')}"}`);
  for (const other of [{ ...seen, size: 11 }, { ...seen, modified: 5 }, { ...seen, path: '/x/c.mp4' }, { ...seen,
    path: '/x/d.mp4' }]) assert.is(second.of(other), undefined);
  second.add({ ...seen, size: 11 }, { problem: 'is damaged' });
  assert.equal(new Findings(file).of({ ...seen, size: 11 }), { problem: 'is damaged' });
  writeFileSync(file, '{"check":1,"decoder":"another"}\n{"path":"/x/a.mp4","size":10,"modified":5.25,"frames":3}\n');
  assert.is(new Findings(file).of(seen), undefined, 'another decoder may say otherwise');
});

test('a cleaned list lies beside the old one, with its comments and the lines that can be used', async () => {
  mkdirSync(at('lists'), { recursive: true });
  for (const name of ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4', '._a.mp4']) writeFileSync(at(`lists/${name}`), name);
  const file = at('lists/train.txt');
  writeFileSync(file,
    '# mine\r\na.mp4 0\r\nb.mp4 1\r\nnone.mp4 0\r\na.mp4 0\r\nc.mp4 0\r\nc.mp4 1\r\nd.mp4\t1\r\n._a.mp4 0\r\n');
  const scanned = scanList(file, { root: at('lists'), names: ['x', 'y'] });
  const clean = (own: Parameters<typeof writeCleaned>[0], isBroken: (path: string) => boolean) =>
    writeCleaned(own, { format: 'list', split: 1 }, ['x', 'y'], isBroken);
  const list = { part: 'train', file, ...scanned } as const;
  const cleaned = await clean(list, (path) => path.endsWith('b.mp4'));
  assert.equal(cleaned, { list: file, path: at('lists/train.checked.txt'), kept: 2, leftOut: 6 });
  assert.is(readFileSync(at('lists/train.checked.txt'), 'utf8'), '# mine\na.mp4 0\nd.mp4\t1\n');
  assert.match(readFileSync(file, 'utf8'), /^# mine\r\n/, 'the old one is as it was');
  assert.equal([(await clean(list, (path) => !path.endsWith('d.mp4')))?.kept, await clean(list, () => true)], [1,
    undefined]);
  writeFileSync(file, 'a.mp4 0\nb.mp4 1\n');
  const sound = { part: 'train', file, ...scanList(file, { root: at('lists'), names: ['x', 'y'] }) } as const;
  assert.is(await clean(sound, () => false), undefined);
  assert.is(await clean(sound, () => true), undefined, 'an empty list would be no help');
  const shifted = { ...sound, problems: [{ file, line: 0, problem: 'counts classes from 1' }] };
  assert.is(await clean(shifted, (path) => path.endsWith('b.mp4')), undefined);
  assert.is(await clean({ ...sound, leftOut: 1 }, (path) => path.endsWith('b.mp4')), undefined,
    'of some classes alone');
});

test('the terminal shows the first lines of each kind and how many more there are, the report has all', () => {
  const lines = (kind: string) =>
    Array.from({ length: 5000 }, (_, i) => ({ file: 'l.txt', line: i + 1, problem: `${kind} ${i}` }));
  const report: CheckReport = { config: '/x/run.yaml', errors: [{ code: 'FL_OOM', message: 'too large', hint: 'less' }],
    problems: lines('missing'), warnings: lines('odd'), missing: lines('not there'),
    files: { tried: 9000, sound: 4000, frames: 123456 }, cleaned: [{
      list: 'l.txt',
      path: 'l.checked.txt',
      kept: 4000,
      leftOut: 5000,
    }] };
  const short = textOf(report, 20).split('\n');
  assert.equal([short[0], short[1], short[2], short[22], short[43]], ['error: too large', '  less',
    'error: l.txt:1: missing 0', 'error: … and 4980 more', 'warning: … and 4980 more']);
  assert.equal(short.slice(44), ['4,000 of 9,000 files are sound, with 123,456 frames',
    'l.checked.txt: 4,000 lines of l.txt, without the 5,000 that cannot be used',
    '/x/run.yaml: 5,001 things are in the way of this run']);
  const whole = textOf(report, Infinity);
  assert.match(whole, /error: l\.txt:5000: missing 4999\n/);
  assert.match(whole, /missing: l\.txt:5000: not there 4999\n/);
  assert.is(whole.split('\n').length, 15_005);
});

test('a check ends with 3 where a line is wrong, with 1 where all else is, with 0 where nothing is; it tells in order', async () => {
  mkdirSync(at('own'));
  for (const name of ['a', 'b']) writePng(at(`own/${name}.png`), new Uint8Array(3 * 4 * 4), 4, 4);
  writeFileSync(at('own/broken.png'), 'no picture');
  writeFileSync(at('own/labels.csv'), 'id,name\n0,up\n1,down\n');
  writeFileSync(at('own/train.txt'), 'b.png 1\nbroken.png 0\nnone.png 0\na.png 0\n');
  writeFileSync(at('own/val.txt'), 'a.png x\n');
  const file = at('own/run.yaml');
  writeFileSync(file,
    'model: {preset: tiny}\ndata: {train: train.txt, val: val.txt, labels: labels.csv, size: 32, frames: 1}\n'
      + 'train: {batch: 1, steps: 4, warmupSteps: 1}\n');
  const checked = (...words: string[]) =>
    commandLine(['check', file, '--out', at('own/unmade'), '--jobs', '1', ...words]);
  const told = ({ stdout }: { readonly stdout: string }) => stdout.replaceAll(at('own/'), '').trimEnd().split('\n');

  const first = await checked();
  assert.equal(told(first), [
    'error: train.txt:2: broken.png: is no readable PNG picture: it does not begin like one; fetch or convert the file again, or take it out of the list',
    'error: train.txt:3: "none.png" does not exist',
    'error: val.txt:1: the label "x" is not a whole number; a line ends with the number of its class',
    '2 of 3 files are sound, with 2 frames',
    'train.checked.txt: 2 lines of train.txt, without the 2 that cannot be used',
    'run.yaml: 3 things are in the way of this run',
    'the whole report is in run.check.txt',
  ]);
  assert.is(first.code, 3);
  assert.is(readFileSync(at('own/run.check.txt'), 'utf8').trimEnd(),
    first.stdout.trimEnd().split('\n').slice(0, -1).join('\n'));

  // files that are known are not tried again
  const sound = ['--set', `data.train=${at('own/train.checked.txt')}`, '--set', 'data.val=null'];
  const report = at('own/report.json');
  const other = await checked(...sound, '--set', 'optim.newPartsLrScale=0.001', '--report', report);
  assert.is(other.stderr.split('\n')[0], '2 files are as an earlier check found them');
  assert.equal(told(other).slice(-3), ['2 of 2 files are sound, with 2 frames',
    'run.yaml: 1 things are in the way of this run', 'the whole report is in report.json']);
  assert.is(other.code, 1);
  const text = readFileSync(report, 'utf8');
  assert.match(text, /^\{\n {2}"config": /);
  const { errors, problems } = JSON.parse(text) as CheckReport;
  assert.equal([problems, errors.map(({ code, message, hint }) => [code, /Scale: 0\.001/.test(message), typeof hint])],
    [[], [['FL_CONFIG', true, 'string']]]);

  const one = await checked(...sound, '--set', `data.val=${at('own/val.txt')}`);
  assert.equal([one.code, told(one)[0]], [3,
    'error: val.txt:1: the label "x" is not a whole number; a line ends with the number of its class']);
  const good = await checked(...sound);
  assert.equal([good.code, told(good)], [0, ['2 of 2 files are sound, with 2 frames',
    'run.yaml: nothing is in the way of this run', 'the whole report is in run.check.txt']], good.stderr);
});

test('a check that is asked to stop says how far it came, and ends with the status of that', async () => {
  const file = at('own/run.yaml');
  const { code, stdout } = await printed(() => {
    const checking = check(loadConfig(file), { file, out: at('own/unmade'), jobs: 1 });
    process.emit('SIGUSR1', 'SIGUSR1');
    return checking;
  });
  assert.equal([code, stdout], [138, 'stopped after 3 files; the next check goes on from there\n']);
});

test('a file that was touched is tried anew, one that was not is not', () => {
  const findings = new Findings(at('touch.check.jsonl'));
  const seen = () => {
    const { size, mtimeMs: modified } = statSync(at('sound.mp4'));
    return { path: at('sound.mp4'), size, modified };
  };
  findings.add(seen(), { frames: 7, width: 64, height: 48 });
  assert.ok(findings.of(seen()) !== undefined);
  utimesSync(at('sound.mp4'), new Date(1e12), new Date(1e12));
  assert.is(findings.of(seen()), undefined);
  assert.ok(existsSync(at('touch.check.jsonl')));
});

test.after(() => rmSync(root, { recursive: true }));
test.run();
