import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointCorruptError, ConfigError, DatasetError, DeviceLostError, FirstlightError, KernelCompileError,
  NoAdapterError, OutOfMemoryError, PathError, RunLockedError, StateDictError, StepNotExecutedError, StepTimeoutError,
  VideoDecodeError } from '../engine/errors.ts';
import { commandLine } from './command_line.ts';
import { commands } from '../train/cli/commands.ts';
import { flagsOf, UsageError } from '../train/cli/flags.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { InterruptedError } from '../train/run/stop.ts';
import { separateNames } from '../train/cli/names.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SAMPLE = `${root}train/configs/k400/32_8.yaml`;

/** Runs the command line in a process of its own, with colours if they are asked for. */
function firstlight(words: readonly string[], FORCE_COLOR?: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'train/cli/process.ts', ...words],
    { cwd: root, encoding: 'utf8',
      env: { ...process.env, NO_COLOR: undefined, CI: undefined, TEST: undefined, TERM: 'xterm', FORCE_COLOR } });
  return { status, stdout, stderr };
}

const flags = (name: string, ...words: string[]) =>
  flagsOf(name, commands[name].args, commands[name].positionals, words);

test('help goes to stdout without colours and shows every command and an example of each', () => {
  const { status, stdout, stderr } = firstlight(['--help']);
  assert.is(status, 0);
  assert.is(stderr, '');
  assert.not.match(stdout, /\u001b/);
  const coloured = firstlight(['--help'], '1').stdout;
  assert.match(coloured, /\u001b/);
  assert.is(stripVTControlCharacters(coloured), stdout);
  for (const name of ['demo', 'train', 'plan', 'evaluate', 'table', 'macs', 'predict', 'embed', 'search', 'inspect',
    'convert', 'verify', 'kernel', 'doctor']) {
    assert.match(stdout, `firstlight ${name}`);
  }
});

test("train's help lists the keys of the configuration", async () => {
  const { code: status, stdout } = await commandLine(['train', '--help']);
  assert.is(status, 0);
  assert.match(stdout, /optim\.lr +0\.000008 /);
  assert.match(stdout, /data\.train +required/);
});

test("evaluate's help lists what it obeys, and no more", async () => {
  const { code: status, stdout } = await commandLine(['evaluate', '--help']);
  assert.is(status, 0);
  for (
    const flag of ['--checkpoint', '--protocol', '--clips', '--classes', '--draws', '--json', '--out', '--batch',
      '--precision', '--set', '--debug']
  ) {
    assert.match(stdout, flag);
  }
  for (const flag of ['epochs', 'lr', 'seed']) {
    assert.throwsWith(() => flags('evaluate', 'c.yaml', `--${flag}`, '1'), new RegExp(`unknown flag --${flag}`));
  }
  assert.is(flags('evaluate', 'c.yaml', '--batch', '3').text('batch'), '3');
});

test('an unknown command is refused with the nearest one, and no stack', () => {
  const { status, stdout, stderr } = firstlight(['predcit', 'x.mp4']);
  assert.is(status, 2);
  assert.is(stdout, '');
  assert.match(stderr, 'did you mean predict?');
  assert.not.match(stderr, '    at ');
});

test('a broken configuration is told in a line, and --debug adds code and stack', async () => {
  const plain = await commandLine(['train', 'nowhere.yaml']);
  assert.is(plain.code, 1);
  assert.is(plain.stderr, 'firstlight: nowhere.yaml: no such file\n  see train/configs/ for one to start from\n');
  const debug = await commandLine(['train', 'nowhere.yaml', '--debug']);
  assert.match(debug.stderr, 'FL_CONFIG');
  assert.match(debug.stderr, '    at ');
});

for (const [name, words, message] of [
  ['train', ['c.yaml', '--lrr', '1'], 'unknown flag --lrr'],
  ['train', ['c.yaml', '-x'], 'unknown flag -x'],
  ['train', ['c.yaml', '--no-resume'], 'unknown flag --no-resume'],
  ['train', ['c.yaml', '--out'], '--out needs a value'],
  ['train', ['c.yaml', '--out', '--resume'], '--out needs a value'],
  ['train', ['c.yaml', '--resume=yes'], '--resume takes no value'],
  ['train', [], 'a configuration is missing'],
  ['train', ['a.yaml', 'b.yaml'], 'unexpected "b.yaml"'],
  ['verify', [], 'a folder with fixtures is missing'],
  ['plan', ['a.yaml', '--measure'], 'unknown flag --measure'],
  ['table', [], 'an experiment is missing'],
] as const) {
  test(`"${name} ${words.join(' ')}" is refused: ${message}`, () => {
    const error = assert.throwsWith(() => flags(name, ...words), UsageError);
    assert.match(error.message, message);
    assert.is(exitCodeOf(error), 2);
  });
}

/** How many words without a flag each command takes. */
const WORDS: Readonly<Record<string, readonly [least: number, most: number]>> = { demo: [0, 0], train: [1, 1],
  check: [1, 1], plan: [1, Infinity], evaluate: [1, 1], table: [1, Infinity], macs: [0, 0], predict: [0, Infinity],
  embed: [0, 1], search: [1, Infinity], inspect: [1, 1], convert: [2, 2], verify: [1, Infinity], kernel: [0, 1],
  doctor: [0, 0] };

test('each command takes as many words as it has use for, and names the first one too many', () => {
  assert.equal(Object.keys(commands).sort(), Object.keys(WORDS).sort());
  for (const [name, [least, most]] of Object.entries(WORDS)) {
    const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);
    for (const count of [least, Math.min(most, 9)]) assert.is(flags(name, ...words(count)).words.length, count, name);
    if (least > 0) {
      const { message } = assert.throwsWith(() => flags(name, ...words(least - 1)), UsageError);
      assert.is(message, `${name}: ${commands[name].positionals.name} is missing`);
    }
    if (most === Infinity) continue;
    assert.throwsWith(() => flags(name, ...words(most + 1)), `${name}: unexpected "w${most}"`);
  }
});

test('flags are read with a space or an equals sign, --set many times, and words in between', () => {
  const read = flags('train', '--lr', '1e-4', 'c.yaml', '--set', 'run.seed=3', '--out=a=b', '--resume',
    '--set=optim.eps=1');
  assert.equal([...read.words], ['c.yaml']);
  assert.equal([...read.all('set')], ['run.seed=3', 'optim.eps=1']);
  assert.is(read.text('lr'), '1e-4');
  assert.is(read.text('out'), 'a=b');
  assert.is(read.is('resume'), true);
});

test('a value that looks like a flag stands behind an equals sign; a name without a near one gets no guess', () => {
  assert.is(flags('train', 'c.yaml', '--out=--odd').text('out'), '--odd');
  assert.is(flags('train', 'c.yaml', '--out', '-odd').text('out'), '-odd');
  assert.is(flags('train', 'c.yaml', '--out=a', '--out', 'b').text('out'), 'b');
  const hintOf = (...words: string[]) => assert.throwsWith(() => flags('train', ...words), UsageError).hint;
  assert.is(hintOf('c.yaml', '--lrr', '1'), 'did you mean --lr? See `firstlight train --help`');
  assert.is(hintOf('c.yaml', '--zzzzzzzz'), 'See `firstlight train --help`');
  assert.is(hintOf('c.yaml', '--out='), 'see `firstlight train --help`');
});

test('whole numbers end where they are told exactly; times have a unit and are longer than none', () => {
  const whole = (text: string) => flags('predict', 'x.mp4', '--top', text).whole('top', 2);
  const seconds = (text: string) => flags('embed', 'v', '--window', text).seconds('window');
  assert.equal(['2', '3', '9007199254740991'].map(whole), [2, 3, 2 ** 53 - 1]);
  assert.equal(['2s', '500ms', '1.5min', '0.25s'].map(seconds), [2, 0.5, 90, 0.25]);
  assert.equal([flags('check', 'c.yaml').whole('jobs', 1), flags('embed', 'v').seconds('window')], [undefined,
    undefined]);
  for (const text of ['1', '9007199254740993', '2.0', '-2', '2e3', '']) {
    assert.throwsWith(() => whole(text), UsageError, /^(--top: expected|predict: --top needs)/);
  }
  for (const text of ['2', '0s', 's', '-1s', '1h', '2 s', '1.s']) assert.throwsWith(() => seconds(text), UsageError);
});

test('a flag of a few words takes no other', () => {
  assert.is(flags('verify', 'fixtures', '--dtype', 'f16').oneOf('dtype', ['f32', 'f16']), 'f16');
  assert.is(flags('verify', 'fixtures').oneOf('dtype', ['f32', 'f16']), 'f32');
  const error = assert.throwsWith(() => flags('verify', 'fixtures', '--dtype', 'f64').oneOf('dtype', ['f32', 'f16']),
    '--dtype: expected f32 or f16, got "f64"');
  assert.is(exitCodeOf(error), 2);
});

test('words after -- are never flags', () => {
  assert.equal([...flags('predict', '--labels', 'a, b', '--', '--odd.mp4').words], ['--odd.mp4']);
});

test('predict refuses labels and numbers it cannot use before it opens anything', async () => {
  const refused = async (...words: string[]) => {
    const error = await assert.rejectsWith(() => commands.predict.run(flags('predict', 'x.mp4', ...words)), UsageError);
    assert.is(exitCodeOf(error), 2);
    return error.message;
  };
  assert.match(await refused(), '--checkpoint is missing');
  assert.match(await refused('--labels', 'one'), 'expected at least two names, got 1');
  assert.match(await refused('--labels', 'a, b, a'), '--labels: the name "a" stands there twice');
  assert.match(await refused('--labels', 'a, b'), '--checkpoint is missing');
  assert.match(await refused('--labels', 'a, b', '--checkpoint', 'c', '--top', '0'),
    '--top: expected a whole number of at least 1, got "0"');
});

/** Commands that take whole numbers, and the least of each. */
const NUMBERS: readonly (readonly [words: readonly string[], flag: string, least: number])[] = [
  [['demo'], 'seed', 0],
  [['check', SAMPLE], 'jobs', 1],
  [['plan', SAMPLE], 'clips', 1],
  [['plan', SAMPLE], 'ranks', 1],
  [['evaluate', SAMPLE, '--checkpoint', 'c', '--protocol', 'zero-shot', '--classes', 'a.csv'], 'draws', 1],
  [['table', 'moving-shapes'], 'seed', 0],
  [['table', 'moving-shapes'], 'seeds', 1],
  [['predict', 'x.mp4', '--labels', 'a, b', '--checkpoint', 'c'], 'top', 1],
  [['embed', 'list.txt', '--checkpoint', 'c', '--out', 'x.safetensors', '--probe'], 'seed', 0],
  [['search', 'x.safetensors', 'a text'], 'top', 1],
];

test('each flag for a whole number says the least that it takes', async () => {
  // those that stand for keys are checked as the configuration is
  const isKey = (name: string, flag: string) =>
    ['train', 'check', 'plan', 'evaluate'].includes(name) && ['batch', 'epochs', 'seed'].includes(flag);
  const known = Object.entries(commands).flatMap(([name, { args }]) =>
    Object.entries(args ?? {}).filter(([flag, arg]) =>
      'valueHint' in arg && arg.valueHint === 'n' && !isKey(name, flag)
    ).map(([flag]) => `${name} --${flag}`)
  );
  assert.equal(NUMBERS.map(([[name], flag]) => `${name} --${flag}`).sort(), known.sort());
  for (const [[name, ...words], flag, least] of NUMBERS) {
    for (const value of ['x', '1.5', ...(least === 1 ? ['0'] : [])]) {
      await assert.rejectsWith(async () => commands[name].run(flags(name, ...words, `--${flag}`, value)),
        `--${flag}: expected a whole number of at least ${least}, got "${value}"`);
    }
  }
  assert.match((await commandLine(['embed', '--help'])).stdout, 'of what is drawn (default: 1024)');
});

test('names of --labels may hold commas and quotes, and are told apart as the tokenizer does', () => {
  assert.equal(separateNames('juggling,  playing the piano ,surfing,'), ['juggling', 'playing the piano', 'surfing']);
  assert.equal(separateNames(`"red, white and blue", 'a, b' ,surfing`), ['red, white and blue', 'a, b', 'surfing']);
  assert.equal(separateNames(`"says ""hello""", 'a ''b''', massaging person's head, 5" disk, 'tis the season`), [
    'says "hello"',
    "a 'b'",
    "massaging person's head",
    '5" disk',
    "'tis the season",
  ]);
  for (const [text, message] of [
    ['"a, b" c, d', 'expected a comma after the quoted name in "\\"a, b\\" c, d"'],
    ['a, "b', 'expected a comma after the quoted name in " \\"b"'],
    ['Playing Guitar, playing  guitar', '"playing  guitar" is the same text to the tokenizer as "Playing Guitar"'],
    ['café, cafe\u0301', 'is the same text to the tokenizer as "café"'],
    ['a, rock &amp; roll, Rock & Roll', '"Rock & Roll" is the same text to the tokenizer as "rock &amp; roll"'],
    ['"a, b"', 'expected at least two names, got 1'],
  ]) assert.match(assert.throwsWith(() => separateNames(text), UsageError).message, message);
});

test('predict takes names from --labels or from --labels-file', async () => {
  const run = (...words: string[]) => commands.predict.run(flags('predict', 'x.mp4', ...words));
  const both = await assert.rejectsWith(() => run('--labels', 'a, b', '--labels-file', 'names.txt'), UsageError);
  assert.match(both.message, 'give --labels or --labels-file, not both');
  const absent = await assert.rejectsWith(() => run('--labels-file', 'names.txt'), DatasetError);
  assert.match(absent.message, 'names.txt: no such file');
});

test('exit codes tell user, data, device and checkpoint errors, and a GPU that hangs, apart', () => {
  const of = (...errors: unknown[]) => errors.map(exitCodeOf);
  assert.equal(of(new ConfigError('c', []), new RunLockedError('r', 1, 'now'), new Error('x')), [1, 1, 1]);
  assert.equal(of(new InterruptedError('r', 143), new UsageError('u')), [143, 2]);
  assert.equal(of(new DatasetError([]), new VideoDecodeError('v', 'r'), new PathError('p', 'r')), [3, 3, 3]);
  assert.equal(
    of(new NoAdapterError([]), new DeviceLostError('r', 'm'),
      new OutOfMemoryError('w', 1, { live: 1, reserved: 1, budget: 1, largest: [] }),
      new KernelCompileError('k', 'w', 'm'), new StepNotExecutedError(1, 0)),
    [4, 4, 4, 4, 4],
  );
  assert.equal(of(new StepTimeoutError(60, ['gelu.only'], 1)), [6]);
  assert.equal(
    of(new CheckpointCorruptError('p', 'm'), new StateDictError('p', { missing: [], unexpected: [], mismatched: [] })),
    [5, 5],
  );
});

test('an error says what to do, with --debug its code and causes too; what no one foresaw is a defect with its stack', () => {
  const cause = new TypeError('of long ago');
  const error = new FirstlightError('FL_TEST', 'it is wrong', {}, 'do it right', cause);
  assert.is(explain(error, false), 'firstlight: it is wrong\n  do it right\n');
  assert.is(explain(new FirstlightError('FL_TEST', 'it is wrong', {}), false), 'firstlight: it is wrong\n');
  const told = explain(error, true);
  assert.match(told,
    /^firstlight: it is wrong\n {2}do it right\nFL_TEST\n[^]*\nCaused by: TypeError: of long ago\n {4}at /);
  assert.match(explain(new FirstlightError('FL_TEST', 'm', {}, undefined, 'a text'), true), /\nCaused by: a text\n$/);
  assert.not.match(explain(new FirstlightError('FL_TEST', 'm', {}), true), 'Caused by');
  assert.match(explain(cause, false),
    /^firstlight: unexpected error, a defect of Firstlight: TypeError: of long ago\n +at /);
  assert.is(explain('thrown', false), 'firstlight: unexpected error, a defect of Firstlight: thrown\n');
  assert.is(explain(undefined, false), 'firstlight: unexpected error, a defect of Firstlight: undefined\n');
  const absent = Object.assign(new Error("Cannot find package 'node-av' imported from x"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  assert.is(explain(absent, false), 'firstlight: the package node-av, which this needs, is not installed\n'
    + '  npm install node-av; THIRD_PARTY.md says what it brings\n');
});

test.run();
