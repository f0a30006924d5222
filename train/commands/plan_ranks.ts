/** What a plan says of several devices: a step by its parts, how far more of them pay, and the days. */
import { ConfigError } from '../../engine/index.ts';
import { digits, markdownTable, percent } from '../log/table.ts';
import { numbersOfRanks, type PlannedStep, type ScaledStep, scaledStep } from '../ranks/scaling.ts';
import type { ExchangeSpeed } from '../run/exchange_speed.ts';
import type { Plan } from '../run/plan.ts';
import type { Speed } from '../run/speed.ts';
import { line, spanText } from './plan_text.ts';

/** Devices like the one that is measured, and the line between them. */
export interface Cluster {
  readonly ranks: number;
  /** Gigabits a second that each rank has, in each direction. */
  readonly gbit: number;
}

/** Numbers of ranks that are told, where they divide the clips of a step. */
const TOLD = [1, 2, 4, 8, 16, 32, 64];
/** Below it, a fifth of what the devices could do is lost. */
const WORTHWHILE = 0.8;

const bytesPerSecond = ({ gbit }: Cluster) => (gbit * 1e9) / 8;
const clipsOf = ({ config: { train } }: Pick<Plan, 'config'>) => train.batch * train.accumulation;

/** @throws ConfigError if so many ranks cannot have as many clips of a step each, with numbers that can */
export function requireRanks(planned: Pick<Plan, 'config'>, ranks: number): void {
  const clips = clipsOf(planned);
  if (clips % ranks === 0) return;
  throw new ConfigError('train.accumulation', [
    `a step has ${clips} clips: ${ranks} ranks cannot have as many of them each`,
  ], `plan for ${numbersOfRanks({ clips }).join(', ')}`);
}

/** A step of a plan, as one device makes it that was measured. */
export function plannedStep({ config, macs, steps, trained }: Plan, { macsPerSecond }: Speed,
  { updateSeconds, copySeconds }: ExchangeSpeed): PlannedStep {
  return { clips: clipsOf({ config }), batch: config.train.batch, recompute: config.train.recompute,
    computeSeconds: macs.training / steps / macsPerSecond, updateSeconds: updateSeconds * trained,
    gradientBytes: Float32Array.BYTES_PER_ELEMENT * trained, copySecondsPerByte: copySeconds };
}

/** A table of numbers of ranks, and what is to be said of one of them. */
export function ranksText(step: PlannedStep, steps: number, cluster: Cluster): string {
  const of = (ranks: number) => scaledStep(step, ranks, bytesPerSecond(cluster));
  const asked = of(cluster.ranks);
  const possible = numbersOfRanks(step);
  const told = [...new Set([...TOLD, cluster.ranks])].filter((ranks) => possible.includes(ranks)).sort((a, b) => a - b);
  const rows = told.map(of);
  const poor = possible.map(of).find(({ efficiency }) => efficiency < WORTHWHILE);
  const small = rows.find(({ batch }) => batch < step.batch);
  const parts = (['compute', 'update', 'copies', 'wire'] as const).map((part) => `${part} ${digits(asked[part])}`);
  return [
    line('ranks',
      `${asked.ranks}, each with ${clipsText(asked)} clips of a step and ${cluster.gbit} Gbit/s: ${
        digits(asked.seconds)
      } s a step, ${percent(asked.efficiency)} of ${asked.ranks} times one, ${spanText(steps * asked.seconds)} in all`),
    line('', `seconds: ${parts.join(', ')}; ${digits(asked.hidden)} of copies and wire pass during the backward pass`),
    line('', poor === undefined
      ? `it stays at ${percent(WORTHWHILE)} and more up to ${possible.at(-1)} ranks, one clip each`
      : `it falls under ${percent(WORTHWHILE)} at ${poor.ranks} ranks`),
    ...(small === undefined ?
      [] :
      [line('',
        `${small.ranks} ranks need smaller micro-batches, another training: train.batch=${small.batch}, train.accumulation=${
          step.clips / small.batch
        }`)]),
    '',
    scalingTable(rows, steps),
  ].join('\n');
}

const clipsText = ({ microBatches, batch }: ScaledStep) => `${microBatches} × ${batch}`;

/** In Markdown: seconds of a step by its parts, the share of so many times one rank, and the whole training. */
export function scalingTable(rows: readonly ScaledStep[], steps: number): string {
  return markdownTable(['ranks', 'clips each', 'compute', 'update', 'copies', 'wire', 'hidden', 'a step', 'efficiency',
    'training'], rows.map((row) => [
      String(row.ranks),
      clipsText(row),
      ...[row.compute, row.update, row.copies, row.wire, row.hidden, row.seconds].map(digits),
      percent(row.efficiency),
      spanText(steps * row.seconds),
    ]));
}
