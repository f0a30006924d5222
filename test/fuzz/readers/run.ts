/** What a run, a check or a measurement keeps of itself, in lines or files of JSON. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { parseTunings } from '../../../engine/candidates.ts';
import { RunLock } from '../../../train/checkpoint/lock.ts';
import { readQuarantine } from '../../../train/data/loading/quarantine.ts';
import { readRunLog } from '../../../train/log/run_log.ts';
import { parseConfig, formatConfig } from '../../../train/run/config.ts';
import { Findings } from '../../../train/run/findings.ts';
import { resultsOf } from '../../../train/run/run_results.ts';
import { drawnBy, lengthOf, oneIn, pick } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { anyJson, bytesOf, mutatedJson, mutatedText } from '../texts.ts';

/** Lines of JSON, some of which are not as they should be. */
const anyLines = (valid: unknown): Reader['draw'] => (random) =>
  drawnBy(random, [...anyJson([valid]), [6, () => {
    const lines = Array.from({ length: lengthOf(random, 20) },
      () => oneIn(random, 6) ? mutatedJson(random, valid) : JSON.stringify(valid));
    const text = `${lines.join('\n')}${oneIn(random, 4) ? '' : '\n'}`;
    return bytesOf(oneIn(random, 6) ? mutatedText(random, text) : text);
  }]]);

export const log: Reader = {
  name: 'log',
  reasons: ["not an entry of a run's log"],
  draw: anyLines({ stage: 'xclip', step: 3, time: '2026-01-01T00:00:00.000Z', loss: 2, lr: 'NaN' }),
  read(bytes) {
    for (const { step, values } of readRunLog(written('log.jsonl', bytes))) {
      holds(Number.isSafeInteger(step) && step >= 0, `step ${step}`);
      holds(Object.values(values).every((value) => typeof value === 'number'), 'a value that is no number');
    }
  },
};

export const quarantine: Reader = {
  name: 'quarantine',
  reasons: ['not an entry of a quarantine'],
  draw: anyLines({ path: 'a.mp4', reason: 'is cut off', epoch: 0, index: 3, time: 'now' }),
  read(bytes) {
    written('quarantined/quarantine.jsonl', bytes);
    for (const { path, index } of readQuarantine(at('quarantined'))) {
      holds(typeof path === 'string' && Number.isInteger(index), `${path} at ${index}`);
    }
  },
};

const SEEN = { path: '/a.mp4', size: 3, modified: 4 };
const findings = written('findings.jsonl', '');
new Findings(findings).add(SEEN, { frames: 2, width: 3, height: 4 });
const [header] = readFileSync(findings, 'utf8').split('\n');

/** What was found is believed if it is whole, else looked for again: nothing is refused. */
export const found: Reader = {
  name: 'findings',
  reasons: [],
  draw: (random) => {
    const lines = anyLines({ ...SEEN, frames: 2, width: 3, height: 4 })(random);
    return oneIn(random, 8) ? lines : Buffer.concat([bytesOf(`${header}\n`), lines]);
  },
  read(bytes) {
    const tried = new Findings(written('findings.jsonl', bytes)).of(SEEN);
    if (tried === undefined || 'problem' in tried) return;
    const { frames, width, height } = tried;
    holds([frames, width, height].every((value) => Number.isSafeInteger(value) && value > 0),
      `${frames} of ${width} × ${height}`);
  },
};

/** A lock in which anything else stands is that of nobody; one of another machine holds. */
export const lock: Reader = {
  name: 'lock',
  reasons: ['is in use by process'],
  draw: (random) =>
    drawnBy(random, [
      ...anyJson([{ pid: 2 ** 30, host: 'elsewhere', since: '2026', began: null }]),
      // what is no lock is waited for, so most are
      [200, () =>
        bytesOf(
          JSON.stringify({ pid: 1 + random.below(2 ** 30), host: `elsewhere${random.below(9)}`, since: '2026',
            began: pick(random, [null, '1']) }),
        )],
    ]),
  async read(bytes) {
    written('locked/lock', bytes);
    try {
      (await RunLock.take(at('locked'))).release();
      holds(!existsSync(at('locked/lock')), 'the lock is left behind');
    } finally {
      rmSync(at('locked/lock'), { force: true });
      holds(!existsSync(at('locked/lock.takeover')), 'the lock of a takeover is left behind');
    }
  },
};

const part = { name: 'split 1', weights: { checkpoint: 'c', run: null, config: null },
  data: { format: 'list', list: 'l', split: null, classesFile: null, draw: null }, clips: 2, leftOut: 0, unreadable: 0,
  top1: 1, top5: 1, meanPerClass: 1, classes: [{ name: 'a', clips: 2, right: 2, top1: 1, wronglyGiven: 0 }],
  confusion: [[0, 0, 2]], confused: [],
  predictions: [{ file: 'f', label: 'a', predictions: [{ label: 'a', probability: 1 }] }] };
const EVALUATION = { kind: 'evaluation', protocol: 'single',
  views: { count: 1, crops: 1, clips: 1, sampling: 'middle' }, frames: 8, size: 224, precision: 'f32', system: 'xclip',
  architecture: 'B/16', seed: 1, finishedAt: 'now', top1: 1, top5: 1, meanPerClass: 1, deviation: null, parts: [part],
  environment: {}, seconds: 1 };

export const evaluation: Reader = {
  name: 'evaluation',
  reasons: ['is not JSON', 'is not the result of an evaluation'],
  draw: (random) => drawnBy(random, anyJson([EVALUATION, { ...EVALUATION, parts: [part, part] }])),
  read(bytes) {
    for (const { top1, clips, parts } of resultsOf(written('evaluation.json', bytes))) {
      holds(top1 >= 0 && top1 <= 1 && Number.isInteger(clips) && parts > 0, `${top1} of ${clips} clips`);
    }
  },
};

const CONFIG = formatConfig(parseConfig('data: {train: a, labels: b}\nmodel: {preset: tiny}', '/f/c.yaml'));
written('run of results/config.yaml', CONFIG);

export const result: Reader = {
  name: 'result',
  reasons: ['is not JSON', 'has no top-1 and top-5'],
  draw: (random) =>
    drawnBy(random,
      anyJson([{ results: { top1: { value: 0.5, clips: 4 }, top5: { value: 1, clips: 4 } }, classes: [] }])),
  read(bytes) {
    written('run of results/result.json', bytes);
    for (const { top1, clips } of resultsOf(at('run of results'))) {
      holds(top1 >= 0 && top1 <= 1 && Number.isSafeInteger(clips) && clips >= 0, `${top1} of ${clips} clips`);
    }
  },
};

const TUNING = { adapter: 'a', driver: 'd', dawn: '1',
  kernels: { gelu: { source: 'x', candidates: { c: { variant: 'v', sizes: { n: 1 }, gain: 1.5 } } } } };

export const tunings: Reader = {
  name: 'tunings',
  reasons: ['not JSON', 'not a list', 'is no object', 'is not a string', 'is not an object', 'has no "source"',
    'not a variant'],
  draw: (random) => drawnBy(random, anyJson([[TUNING], [TUNING, TUNING]])),
  read(bytes) {
    for (const { kernels } of parseTunings(Buffer.from(bytes).toString(), 'tuned.json')) {
      for (const { candidates } of Object.values(kernels)) {
        for (const { variant, sizes } of Object.values(candidates)) {
          holds(typeof variant === 'string' && Object.values(sizes).every(Number.isFinite),
            'a candidate without sizes');
        }
      }
    }
  },
};
