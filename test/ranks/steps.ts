/** The time of a step by its parts, on several numbers of ranks of one core each. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { markdownTable } from '../../train/log/table.ts';
import type { Found, Laboratory } from './laboratory.ts';
import { stepPicture } from './step_picture.ts';
import type { StepTimes } from './stopwatch.ts';

const PICTURE = fileURLToPath(new URL('../ranks.svg', import.meta.url));
const STEPS = 24;

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

export function steps(lab: Laboratory, counts: readonly number[]): Found {
  const { config } = lab;
  const longer = { ...config, train: { ...config.train, steps: STEPS },
    run: { ...config.run, checkpointEverySteps: 1000, compareEverySteps: 1000 } };
  const measured = counts.map((ranks) => {
    const timed = lab.at(`times ${ranks}.json`);
    lab.run(ranks, [{ config: longer, out: lab.at(`timed ${ranks}`), timed }], { LP_NUM_THREADS: '1' });
    const all = JSON.parse(readFileSync(timed, 'utf8')) as readonly StepTimes[];
    const of = (part: keyof StepTimes) => median(all.map((times) => times[part]));
    return { ranks, times: { gradient: of('gradient'), exchange: of('exchange'), rest: of('rest') } };
  });
  writeFileSync(PICTURE, stepPicture(measured));
  const rows = measured.map((
    { ranks, times: { gradient, exchange, rest } },
  ) => [String(ranks), ...[gradient, exchange, rest, gradient + exchange + rest].map((ms) => `${ms.toFixed(0)} ms`)]);
  return { title: `Time of a step, ${lab.name}`, failed: 0,
    table: `![Time of a step by its parts](ranks.svg)\n\n${
      markdownTable(['ranks', 'losses and gradients', 'exchange', 'update, clips', 'a step'], rows)
    }` };
}
