/** The tests' own test in short: `npm run mutate` makes these defects and shows each to the tests that import it. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';
import { rooms } from '../kernels/index.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { drawn, EQUAL, isEqual, type Outcome, runCampaign, tableOf } from './mutate/campaign.ts';
import { Copy } from './mutate/copy.ts';
import { Defects } from './mutate/defects.ts';
import { allTests, FOLDERS, importersOf, testsOf } from './mutate/places.ts';
import { type Change, linesOf, type Mutant, mutantsOf, mutated } from './mutate/rules.ts';
import { byTurns, type Chosen, Surveys } from './mutate/surveys.ts';
import { switched } from './mutate/switches.ts';
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
  // in place of its fellow for browsers, as package.json chooses
  assert.equal(untested, ['engine/read_text.node.ts']);
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

test('a survey runs every file of tests, and for the sweeps every room', () => {
  const all = allTests(ROOT);
  const own = all.filter(({ environment }) => Object.keys(environment).length === 0).map(({ file }) => file);
  const wanted = readdirSync(`${ROOT}/test`).filter((name) =>
    /\.test\.ts$/.test(name) && !/^(?:rooms|attention|matmul)\.kernels/.test(name)
  );
  assert.equal(own.sort(), wanted.map((name) => `test/${name}`).sort());
  assert.equal(all.flatMap(({ environment }) => environment.ROOM ?? []).sort(), rooms.map(({ name }) => name).sort());
});

test('of tests that come by a defect the nearest are shown it in turn with those that come by little else', () => {
  const near = [900, 500, 20, 700].map((comesBy) => ({ test: { file: `${comesBy}`, environment: {} }, seconds: 1,
    comesBy })
  );
  assert.equal(byTurns(near).map(({ comesBy }) => comesBy), [900, 20, 500, 700]);
  const importers = importersOf(ROOT);
  assert.ok(testsOf('kernels/gelu/gelu.wgsl', importers, 5).some(({ file }) => file === 'test/engine_flat.test.ts'));
});

test('what is listed as equal is a defect that the rules make, once, with a reason', () => {
  for (const equal of EQUAL) {
    const text = texts.get(equal.file) ?? '';
    assert.is(mutantsOf(equal.file, text).filter((mutant) => isEqual(text, mutant, [equal])).length, 1, equal.before);
    assert.ok(equal.reason.length > 20);
  }
});

/** What it gives, each of its defects changes. */
const PROGRAM = `const { limit = 2, 0: first } = { 0: 7 };
const names = { 3: 'three', 4: 'four' };
function f(values) {
  let [sum, text] = [0, ''];
  for (const value of values) {
    if (value === 5) continue;
    sum += Math.min(value * limit, 9);
    if (!(value < 3)) text += names[value] ?? value.toString();
  }
  const list = [];
  list.push(text, sum + first);
  return list.join();
}
give(f([1, 2, 3, 4, 5, 6]));
`;

test('a text with switches does what it did, and with one on what its defect does', () => {
  const given = (text: string, on = -1): unknown => {
    let result: unknown;
    try {
      new Function('$met', 'give', text)((number: number) => number === on, (value: unknown) => (result = value));
    } catch (error) {
      result = String(error);
    }
    return result;
  };
  const mutants = mutantsOf('model/p.ts', PROGRAM);
  const numberOf = ({ rule, start }: Change) => mutants.findIndex((each) => each.rule === rule && each.start === start);
  const text = switched('model/p.ts', PROGRAM, numberOf);
  const [, module, program] = /^import \{ \$met \} from '(.*?)'; (.*)$/s.exec(text) as RegExpExecArray;
  assert.is(module, '../test/mutate/switch.mjs');
  assert.is(program.split('\n').length, PROGRAM.split('\n').length);
  assert.equal([...program.matchAll(/\$met\((\d+)\)/g)].map(([, number]) => Number(number)).sort((a, b) => a - b),
    mutants.map((_, number) => number), 'each has one switch');
  assert.is(given(PROGRAM), 'threefour6,36');
  assert.is(given(program), given(PROGRAM));
  for (const [number, mutant] of mutants.entries()) {
    assert.is(given(program, number), given(mutated(PROGRAM, mutant)), linesOf(PROGRAM, mutant)[1]);
  }
});

test('a seed draws the order; defects are tried side by side, each once, until time is up, and a table counts them', async () => {
  const mutants = [...texts].slice(0, 5).flatMap(([file, text]) => mutantsOf(file, text)).slice(0, 40);
  assert.equal(drawn(mutants, 3), drawn(mutants, 3));
  assert.not.equal(drawn(mutants, 3), drawn(mutants, 4));
  assert.equal(new Set(drawn(mutants, 3)), new Set(mutants));
  const shown: string[] = [];
  const told: Outcome[] = [];
  const [a, b, c] = mutants;
  const outcomes = await runCampaign({
    mutants: [a, b, c],
    lanes: ['first', 'second'],
    show: async (mutant: Mutant, lane) => {
      shown.push(`${mutants.indexOf(mutant)} ${lane}`);
      if (lane === 'second') await new Promise((resolve) => setTimeout(resolve, 50));
      return { caughtBy: mutant === b ? undefined : 'a test', shownTo: 3 };
    },
    goesOn: () => true,
    onOutcome: (outcome) => void told.push(outcome),
  });
  assert.equal(shown, ['0 first', '1 second', '2 first']);
  assert.equal(outcomes.map(({ mutant }) => mutants.indexOf(mutant)), [0, 2, 1]);
  assert.equal(told, outcomes);
  assert.match(tableOf(outcomes).at(-1) ?? '', /^all +2 of +3 +66\.7 %$/);
  const none = await runCampaign({ mutants, lanes: [0], show: () => Promise.reject(new Error('shown')),
    goesOn: () => false, onOutcome: () => undefined });
  assert.equal(none, []);
});

/** Small files of each folder, whose nearest tests take a second or two. */
const SHOWN = ['engine/plan.ts', 'engine/struct.ts', 'kernels/reduce/reduce.wgsl', 'model/checkpoint/positions.ts',
  'train/recipe/schedule.ts'];
const SEED = 11;

test('a defect that a seed draws in each of some files is noticed by their nearest tests', async () => {
  const defects = new Defects(ROOT);
  const copy = new Copy(ROOT, defects);
  const surveys = new Surveys(ROOT, defects);
  const importers = importersOf(ROOT);
  for (const file of SHOWN) {
    const text = defects.textOf(file);
    const mutant = drawn(mutantsOf(file, text).filter((each) => !isEqual(text, each)), SEED)[0];
    // the first as by a campaign that knows what each test comes by, the others as what has no switch
    const isMet = file === SHOWN[0];
    const endings = [];
    for (const near of testsOf(file, importers, 2)) {
      if (isMet) assert.ok((await surveys.make(copy, near)).tests.every(({ passed }) => passed));
      if (isMet && surveys.meets(near, mutant) === false) continue;
      const { test: shown } = surveys.choose(near, mutant, isMet) as Chosen;
      endings.push(await copy.show(mutant, !isMet, shown, 120));
      if (endings.includes('failed')) break;
      assert.is(await copy.run(shown, 120), 'passed', 'without the defect');
    }
    const [before, after] = linesOf(text, mutant);
    assert.ok(endings.includes('failed'),
      `${file}:${mutant.line}: no test notices a defect (${
        endings.join(', ')
      }): add one, or list it in equal.json\n- ${before}\n+ ${after}`);
  }
});

test.run();
