/** What command lines are refused for before anything is opened, and that what may be meant goes on to be opened. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandLine } from './command_line.ts';

const SAMPLE = fileURLToPath(new URL('../train/configs/k400/32_8.yaml', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'firstlight-lines-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
mkdirSync(at('run'));
writeFileSync(at('run/result.json'), '{}');
mkdirSync(at('saved/checkpoints/step-00000001'), { recursive: true });
writeFileSync(at('texts.txt'), 'a text\n');

const [OTHER, USAGE, DATA, CHECKPOINT] = [1, 2, 3, 5];
const evaluate = (...words: string[]) => ['evaluate', SAMPLE, '--checkpoint', 'c', ...words];
const multiView = (...words: string[]) => evaluate('--protocol', 'multi-view', ...words);
const zeroShot = (...words: string[]) => evaluate('--protocol', 'zero-shot', ...words);
const embed = (...words: string[]) => ['embed', '--checkpoint', 'x', ...words];
const probe = (...words: string[]) => embed('--probe', ...words);
/** Lists of the sample, which are not there. */
const GOES_ON = /kinetics400\/train\.csv: no such file/;

/** Lines, with their exit status, and what stands in what they print. */
const LINES: readonly (readonly [words: readonly string[], status: number, text: RegExp])[] = [
  [['predict'], USAGE, /predict: a video file is missing\n {2}see `firstlight predict --help`/],
  [['predict', '-', 'a.mp4'], USAGE, /predict: - stands alone/],
  [['predict', '--watch', 'x', 'a.mp4'], USAGE, /predict: give files or --watch, not both/],
  [['predict', '-'], USAGE, /--checkpoint is missing\n {2}for example --checkpoint xclip-base-patch32/],
  [['predict', '--watch', 'x'], USAGE, /--checkpoint is missing/],
  [['predict', 'a.mp4', 'b.mp4'], USAGE, /--checkpoint is missing/],
  [['embed', '--checkpoint', 'x'], USAGE, /embed: nothing to embed/],
  [embed(at('empty.txt'), '--texts', at('no.txt')), DATA, /no\.txt: no such file/],
  [['embed', 'v'], USAGE, /--checkpoint is missing/],
  [embed('v', '--out', 'a.npy'), USAGE, /expected NAME\.safetensors or NAME\.jsonl, got "a\.npy"/],
  [embed('v', '--out', 'a.safetensors.txt'), USAGE, /got "a\.safetensors\.txt"/],
  [embed('v', '--seed', '3'), USAGE, /--seed goes with --probe/],
  [embed('v', '--held-out', 'h'), USAGE, /--held-out goes with --probe/],
  [probe('v', '--out', 'a.jsonl'), USAGE, /--probe needs a list with labels/],
  [probe('--texts', at('texts.txt')), USAGE, /--probe needs a list with labels/],
  [embed('v', '--window', '2'), USAGE, /--window: expected a length of time, got "2"\n {2}for example --window 2s/],
  [embed('v', '--part', 'test'), USAGE, /--part: expected val or train, got "test"/],
  [embed(at('v')), DATA, /v: no such file or folder/],
  [embed(at('v'), '--part', 'val', '--window', '2s', '--out', 'a.jsonl'), DATA, /v: no such file or folder/],
  [probe(at('v'), '--seed', '0', '--held-out', 'h'), DATA, /v: no such file or folder/],
  [['search', 'a.safetensors'], USAGE, /search: a text is missing/],
  [['search', 'a.safetensors', 'a', '--each-class'], USAGE, /--each-class asks for the names of the file: give no/],
  [['search', 'a.safetensors', 'a', '--by', 'sum'], USAGE, /--by: expected model or cosine, got "sum"/],
  [['search', at('a.safetensors'), 'a', '--by', 'cosine'], CHECKPOINT, /a\.safetensors: no such file/],
  [['search', at('a.safetensors'), 'a', '--top', '1'], CHECKPOINT, /a\.safetensors: no such file/],
  [['predict', at('a.mp4'), '--labels', 'a, b', '--checkpoint', at('c'), '--top', '1'], CHECKPOINT, /c: no such file/],
  [['search', at('a.safetensors'), '--each-class'], CHECKPOINT, /a\.safetensors: no such file/],
  [['evaluate', 'c.yaml'], USAGE, /--checkpoint is missing/],
  [evaluate('--protocol', 'multi'), USAGE, /expected single or multi-view or few-shot or zero-shot, got "multi"/],
  [evaluate('--checkpoint', 'd'), USAGE, /several --checkpoint goes with --protocol few-shot, not with single/],
  [evaluate('--clips', 'even'), USAGE, /--clips goes with --protocol multi-view, not with single/],
  [evaluate('--views', '1x3'), USAGE, /--views goes with --protocol multi-view/],
  [evaluate('--classes', 'a.txt'), USAGE, /--classes goes with --protocol zero-shot/],
  [multiView('--clips', 'spread'), USAGE, /--clips: expected random or even, got "spread"/],
  [multiView('--views', '3x4'), USAGE, /--views: expected clips x crops, such as 4x3, got "3x4"/],
  [multiView('--views', '0x3'), USAGE, /got "0x3"\n {2}1 to 100 clips; 1, 3, 10 crops/],
  [multiView('--views', '101x3'), USAGE, /got "101x3"/],
  [multiView('--views', 'x3'), USAGE, /got "x3"/],
  [zeroShot('--draws', '2'), USAGE, /--draws goes with one --classes, the file that is drawn from/],
  [zeroShot('--draws', '2', '--classes', 'a', '--classes', 'b'), USAGE, /--draws goes with one --classes/],
  [evaluate(), DATA, GOES_ON],
  [evaluate('--protocol', 'few-shot', '--checkpoint', 'd'), DATA, GOES_ON],
  [multiView('--clips', 'even'), DATA, GOES_ON],
  [multiView('--views', '1x10'), DATA, GOES_ON],
  [multiView('--views', '100x1'), DATA, GOES_ON],
  [zeroShot('--draws', '1', '--classes', 'a'), DATA, GOES_ON],
  [zeroShot('--classes', 'a', '--classes', 'b'), DATA, GOES_ON],
  [['table', 'moving-shapes', 'run'], USAGE, /table moving-shapes trains by itself and takes no runs/],
  [['table', 'k400', '--seeds', '2'], USAGE, /table k400: --seeds goes with moving-shapes/],
  [['table', 'k400', '--out', 'x'], USAGE, /table k400: --out goes with moving-shapes/],
  [['table', 'k400', '--patient'], USAGE, /table k400: --patient goes with moving-shapes/],
  [['table', 'k40'], USAGE, /no experiment "k40"\n {2}did you mean k400\? Experiments: k400, .*, moving-shapes\n/],
  [['table', 'zzzzzz'], USAGE, /no experiment "zzzzzz"\n {2}Experiments: k400, /],
  [['table', 'k400', at('none')], OTHER, /none: no such file or folder/],
  [['train', SAMPLE, '--allow-change', 'optim.lr'], USAGE, /--allow-change goes with --resume/],
  [['train', SAMPLE, '--resume', '--allow-change', 'optim.lrr'], USAGE, /not a key .*\n {2}did you mean optim\.lr\?/],
  [['train', SAMPLE, '--resume', '--allow-change', 'optim'], USAGE, /--allow-change optim is not a key/],
  [['train', SAMPLE, '--resume', '--allow-change', 'zzzzzzzz'], USAGE, /\n {2}`firstlight train --help` lists every/],
  [['train', SAMPLE, '--resume', '--allow-change', 'optim.lr', '--out', at('none')], OTHER, /none holds no run/],
  [['train', SAMPLE, '--resume'], OTHER, /runs\/32_8 holds no run to go on with/],
  [['demo', '--out', at('run')], OTHER, /run already holds a run\n {2}name another folder than this: --out/],
  [['demo', '--out', at('saved'), '--seed', '0'], OTHER, /saved already holds a run/],
  [['plan', SAMPLE, '--clips', '1'], DATA, /has 1 clips, one optimiser step takes 256/],
  [['verify', at('none'), '--dtype', 'f64'], USAGE, /--dtype: expected f32 or f16/],
  [['kernel', '--dtype', 'f64'], USAGE, /--dtype: expected f32 or f16/],
];

for (const [words, status, text] of LINES) {
  const told = words.map((word) => word.replace(folder, '…').replace(SAMPLE, 'sample.yaml')).join(' ');
  test(`"${told}" ends with ${status}`, async () => {
    const { code, stdout, stderr } = await commandLine(words);
    assert.is(stdout, '');
    assert.match(stderr, text);
    assert.is(code, status);
  });
}

test('help is asked for in several ways, of all commands or of one; without a command it ends with 2', async () => {
  const all = (await commandLine(['--help'])).stdout;
  const ofTrain = (await commandLine(['train', '--help'])).stdout;
  assert.match(all, 'EXAMPLES\n\n  firstlight demo\n      train, evaluate, and write a report, in some minutes\n');
  assert.match(ofTrain, 'KEYS of the configuration');
  for (const [words, code, stdout] of [[[], 2, all], [['-h'], 0, all], [['help'], 0, all], [['help', 'train'], 0,
    ofTrain], [['help', 'nothing'], 0, all], [['help', 'toString'], 0, all], [['train', '-h'], 0, ofTrain], [['train',
    '--help', '--', 'x'], 0, ofTrain]] as const) {
    assert.equal(await commandLine(words), { code, stdout, stderr: '' }, words.join(' '));
  }
  assert.match((await commandLine(['doctor', '--help'])).stdout, '  firstlight doctor\n  firstlight doctor --json\n');
  assert.match((await commandLine(['train', 'no.yaml', '--', '--help'])).stderr, 'unexpected "--help"');
  assert.not.match((await commandLine(['train', 'no.yaml', '--', '--debug'])).stderr, 'FL_USAGE');
});

test.run();
