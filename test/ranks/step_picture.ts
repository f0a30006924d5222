/** Where the time of a step goes, by the number of ranks, as a picture. */
import * as Plot from '@observablehq/plot';
import { svg } from '../../train/report/charts.ts';
import type { StepTimes } from './stopwatch.ts';

const [WIDTH, HEIGHT] = [480, 300];
/** What a part is called, and its colour. */
const PARTS: Readonly<Record<keyof StepTimes, readonly [name: string, colour: string]>> = {
  gradient: ['losses and gradients', '#2668c6'],
  exchange: ['exchange', '#c65d12'],
  rest: ['update, clips', '#777'],
};

/** A bar for each number of ranks. */
export function stepPicture(steps: readonly { readonly ranks: number; readonly times: StepTimes }[]): string {
  const bars = steps.flatMap(({ ranks, times }) =>
    (Object.keys(PARTS) as (keyof StepTimes)[]).map((part) => ({ ranks: String(ranks), part, ms: times[part] }))
  );
  const chart = svg('Time of a step by its parts', {
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 50,
    marginBottom: 42,
    x: { label: 'ranks', domain: steps.map(({ ranks }) => String(ranks)) },
    y: { label: 'milliseconds of a step', grid: true },
    marks: [Plot.barY(bars, { x: 'ranks', y: 'ms', fill: ({ part }: (typeof bars)[number]) => PARTS[part][1] }),
      Plot.ruleY([0])],
  });
  const legend = Object.values(PARTS).map(([name, colour], i) =>
    `<text x="${50 + 150 * i}" y="18" fill="${colour}">${name}</text>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${
      30 + HEIGHT
    }" style="background: #fff; color: #222; font: 13px system-ui, sans-serif">`,
    ...legend,
    `<g transform="translate(0 30)">${chart}</g>`,
    '</svg>\n',
  ].join('\n');
}
