/** The tests' own test in short: `npm run mutate` makes these defects and shows each to the tests that import it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { drawn, EQUAL, isEqual, type Outcome, runCampaign, tableOf } from './mutate/campaign.ts';
import { Copy } from './mutate/copy.ts';
import { linesIn } from './mutate/coverage.ts';
import { FOLDERS, importersOf, testsOf } from './mutate/places.ts';
import { linesOf, type Mutant, mutantsOf, mutated } from './mutate/rules.ts';
import { textsOf } from './mutate/texts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const texts = textsOf(ROOT, FOLDERS);

const told = (file: string, text: string) =>
  mutantsOf(file, text).map((mutant) => [mutant.rule, linesOf(text, mutant)[1]]);

test('rules for TypeScript move bounds, swap operators, and drop checks, terms and statements; types and texts stay', () => {
  const text = `export function f(a: Array<number>, n: 2 | 3): number {
  if (a.length <= n) throw new Error(\`\${a} + \${n}\`);
  let sum = 0;
  for (const x of a) sum += x * 2;
  log(sum as unknown as string);
  return !done && Math.min(sum, 10);
}`;
  assert.equal(told('f.ts', text), [
    ['check dropped', 'if (false) throw new Error(`${a} + ${n}`);'],
    ['bound moved', 'if (a.length < n) throw new Error(`${a} + ${n}`);'],
    ['number moved', 'let sum = 1;'],
    ['statement dropped', 'for (const x of a) ;'],
    ['term dropped', 'for (const x of a) sum = x * 2;'],
    ['operator swapped', 'for (const x of a) sum += x / 2;'],
    ['number moved', 'for (const x of a) sum += x * 3;'],
    ['statement dropped', ';'],
    ['operator dropped', 'return done && Math.min(sum, 10);'],
    ['operator swapped', 'return !done || Math.min(sum, 10);'],
    ['function swapped', 'return !done && Math.max(sum, 10);'],
    ['number moved', 'return !done && Math.min(sum, 11);'],
  ]);
});

test('rules for WGSL do the same, and leave comments and types alone', () => {
  const text = `var<workgroup> a: array<f32, 4>;   // a < b + 1u
if (i >= n) { return; }
y[i] += max(x, 0.0) * 2u;
workgroupBarrier();`;
  assert.equal(told('f.wgsl', text), [['check dropped', 'if (false && i >= n) { return; }'], ['bound moved',
    'if (i > n) { return; }'], ['term dropped', 'y[i] = max(x, 0.0) * 2u;'], ['function swapped',
    'y[i] += min(x, 0.0) * 2u;'], ['operator swapped', 'y[i] += max(x, 0.0) / 2u;'], ['number moved',
    'y[i] += max(x, 0.0) * 3u;'], ['statement dropped', '']]);
});

test('every defect is one change that can be read, and every file has some test that imports it', () => {
  const importers = importersOf(ROOT);
  const untested: string[] = [];
  let count = 0;
  for (const [i, [file, text]] of [...texts].entries()) {
    if (testsOf(file, importers, 1).length === 0) untested.push(file);
    if (i % 20 !== 0) continue; // each takes a parse
    const mutants = mutantsOf(file, text);
    count += mutants.length;
    for (const mutant of mutants) {
      const after = mutated(text, mutant);
      assert.is.not(after, text, `${file}:${mutant.line}`);
      if (file.endsWith('.ts')) parseAst(after, { lang: 'ts' });
    }
  }
  assert.ok(count > 300, `${count} defects in one of 20 files`);
  // of these package.json chooses one
  assert.equal(untested, ['engine/read_text.browser.ts', 'engine/read_text.node.ts']);
});

test('the nearest tests of a file are those that are called like it, and of a room its sweep', () => {
  const importers = importersOf(ROOT);
  const first = (file: string) => testsOf(file, importers, 1)[0];
  assert.is(first('engine/tape.ts').file, 'test/engine_tape.test.ts');
  assert.is(first('train/data/video/times.ts').file, 'test/video_times.test.ts');
  assert.equal(first('kernels/gelu/gelu.wgsl'), { file: 'test/rooms.kernels.test.ts', environment: { ROOM: 'gelu' } });
  assert.equal(testsOf('kernels/shared/ranking.ts', importers, 2).map(({ environment }) => environment), [{
    ROOM: 'pool',
  }, { ROOM: 'reduce' }]);
  // what took long comes later
  const timed = testsOf('train/data/video/png.ts', importers, 2);
  const swapped = testsOf('train/data/video/png.ts', importers, 2, { [basename(timed[0].file, '.test.ts')]: 100 });
  assert.is.not(swapped[0].file, timed[0].file);
});

test('what is listed as equal is a defect that the rules make, once, with a reason', () => {
  for (const equal of EQUAL) {
    const text = texts.get(equal.file) ?? '';
    assert.is(mutantsOf(equal.file, text).filter((mutant) => isEqual(text, mutant, [equal])).length, 1, equal.before);
    assert.ok(equal.reason.length > 20);
  }
});

test('the lines that a program runs are known by their file, those that it does not run are not among them', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-lines-')));
  try {
    const of = (x: number) =>
      `export const f = (x: number): number => {
  if (x > 1)
    return 1;
  // a comment
  const unused = () =>
    x;
  return 2;
};
f(${x});
`;
    const linesWith = (x: number) => {
      writeFileSync(join(folder, `with_${x}.ts`), of(x));
      const reports = join(folder, `reports ${x}`);
      execFileSync(process.execPath, ['--import', import.meta.resolve('tsx'), join(folder, `with_${x}.ts`)], {
        env: { ...process.env, NODE_V8_COVERAGE: reports },
      });
      return linesIn(reports, folder)[`with_${x}.ts`];
    };
    assert.equal(linesWith(0).filter((line) => [2, 3, 6, 7, 9].includes(line)), [2, 7, 9]);
    assert.equal(linesWith(2).filter((line) => [2, 3, 6, 7, 9].includes(line)), [2, 3, 9]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a seed draws the order; each defect is shown to its tests until one notices, and survivors are told', async () => {
  const mutants = [...texts].slice(0, 5).flatMap(([file, text]) => mutantsOf(file, text)).slice(0, 40);
  assert.equal(drawn(mutants, 3), drawn(mutants, 3));
  assert.not.equal(drawn(mutants, 3), drawn(mutants, 4));
  assert.equal(new Set(drawn(mutants, 3)), new Set(mutants));
  const shown: string[] = [];
  const told: Outcome[] = [];
  const [a, b, c] = mutants;
  const outcomes = await runCampaign({
    mutants: [a, b, c],
    testsOf: () => ['1', '2', '3'].map((file) => ({ file, environment: {} })),
    passes: async (mutant: Mutant, { file }) => {
      shown.push(file);
      return mutant === b || file !== '2';
    },
    goesOn: () => told.length < 2,
    onOutcome: (outcome) => void told.push(outcome),
  });
  assert.equal(shown, ['1', '2', '1', '2', '3']);
  assert.equal(outcomes.map(({ caughtBy, shownTo }) => [caughtBy, shownTo]), [['2', 2], [undefined, 3]]);
  assert.match(tableOf(outcomes).at(-1) ?? '', /^all +1 of +2 +50\.0 %$/);
});

/** Small files of each folder, whose nearest tests take a second or two. */
const SHOWN = ['engine/plan.ts', 'engine/struct.ts', 'kernels/reduce/reduce.wgsl', 'model/checkpoint/positions.ts',
  'train/recipe/schedule.ts'];
const SEED = 11;

test('a defect that a seed draws in each of some files is noticed by their nearest tests', async () => {
  const copy = new Copy(ROOT);
  const importers = importersOf(ROOT);
  for (const file of SHOWN) {
    const text = texts.get(file) as string;
    const mutant = drawn(mutantsOf(file, text).filter((each) => !isEqual(text, each)), SEED)[0];
    const endings = [];
    for (const near of testsOf(file, importers, 2)) {
      endings.push(await copy.show(mutant, text, near, 120));
      if (endings.includes('failed')) break;
    }
    const [before, after] = linesOf(text, mutant);
    assert.ok(endings.includes('failed'),
      `${file}:${mutant.line}: no test notices a defect (${
        endings.join(', ')
      }): add one, or list it in equal.json\n- ${before}\n+ ${after}`);
  }
});

test.run();
