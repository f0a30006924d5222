/** `firstlight plan`: what a run would take, before it is begun. */
import { basename, dirname, resolve } from 'node:path';
import { type Gpu, open, problemLine } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { imageSizeOf } from '../../model/systems/config.ts';
import { digits, markdownTable } from '../log/table.ts';
import { usesRecipe } from '../recipe/optimizer/index.ts';
import { learningRate } from '../recipe/schedule.ts';
import { runName } from '../run/config.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { memoryLine } from '../run/memory.ts';
import { type Plan, planOf } from '../run/plan.ts';
import { measureExchange } from '../run/exchange_speed.ts';
import { measureSpeed, type Speed } from '../run/speed.ts';
import { line, spanText } from './plan_text.ts';
import { type Cluster, plannedStep, ranksText, requireRanks } from './plan_ranks.ts';

export interface PlannedFile {
  readonly file: string;
  readonly config: TrainConfig;
}

export interface PlanOptions {
  /** Of data.train, if that is not there. */
  readonly clips?: number;
  /** Several devices like this one. */
  readonly cluster?: Cluster;
}

/** Prints the plan of one configuration, or a table of several. Returns the exit status. */
export async function plan(files: readonly PlannedFile[], { cluster, ...options }: PlanOptions): Promise<number> {
  await using gpu = await open({ tuning: tuned });
  const plans: { file: string; planned: Plan }[] = [];
  for (const { file, config } of files) {
    gpu.requireType(config.train.precision);
    plans.push({ file, planned: await planOf(gpu, config, options) });
  }
  if (plans.length > 1) {
    console.log(planTable(plans));
    return 0;
  }
  const [{ file, planned }] = plans;
  console.log(planPage(file, planned));
  if (cluster !== undefined) requireRanks(planned, cluster.ranks);
  const { batch, precision } = planned.config.train;
  const speed = await measureSpeed(gpu, planned.model, { precision, batch });
  console.log(timeLines(gpu, planned, speed));
  if (cluster !== undefined) {
    const step = plannedStep(planned, speed, await measureExchange(gpu, planned.config.optim));
    console.log(ranksText(step, planned.steps, cluster));
  }
  return 0;
}

const grouped = (count: number) => count.toLocaleString('en-US');
const millions = (count: number) => `${(count / 1e6).toFixed(1)} M`;

/** Multiply-adds, as `39.0 GMAC`. */
function macsText(macs: number): string {
  const units = ['MMAC', 'GMAC', 'TMAC', 'PMAC', 'EMAC', 'ZMAC'];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(macs) / 3) - 2));
  return `${digits(macs / 1000 ** (power + 2))} ${units[power]}`;
}

/** All that is known without measuring. @param file of the configuration */
export function planPage(file: string, planned: Plan): string {
  const { config, model, preset, guess, trained, frozen, groups, memory, macs, clips, classes, seen, steps,
    stepsPerEpoch } = planned;
  const { train, optim } = config;
  const imageSize = imageSizeOf(model);
  const epochs = train.steps === null ? `, ${grouped(steps)} in ${train.epochs} epochs` : `, ${grouped(steps)} in all`;
  const rate = rateLine(planned);
  const same = digits(macs.clip / 1e9) === digits(macs.published / 1e9);
  return [
    `${file}: ${SYSTEM[config.model.system]} ${
      preset ?? 'of its own sizes'
    }, ${model.frames} frames of ${imageSize} × ${imageSize}, ${train.precision}`,
    '',
    line('parameters', `${millions(trained + frozen)}: ${millions(trained)} are trained, ${millions(frozen)} frozen`),
    ...(guess === undefined ? [] : [line('', `of the published model: ${guess}`)]),
    line('memory', `${memoryLine(memory).replace(': ', ' on the GPU: ')}`),
    line('arithmetic',
      `${macsText(macs.clip)} for a clip and one text, forward${
        same ? '' : `; ${macsText(macs.published)} as the paper counts, with answers of messages that nobody reads`
      }`),
    line('', `${macsText(macs.training)} for the whole training`),
    line('clips', `${grouped(clips.count)} ${clips.source}`),
    line('classes', `${grouped(classes.count)} ${classes.source}`),
    ...seen.map((each) => line('', problemLine(each))),
    line('steps',
      `${grouped(stepsPerEpoch)} an epoch${epochs}, each of ${
        grouped(train.batch * train.accumulation)
      } clips: ${train.accumulation} × ${train.batch}`),
    line('learning rate', rate.blocks),
    line('', rate.numbers),
    line('', usesRecipe(config)
      ? `${optim.newPartsLrScale} times as much for new parts, which no checkpoint need have, and as little in the end`
      : groups.map(groupText).join('; ')),
  ].join('\n');
}

/** How a group of parameters learns, beside the rate of the configuration. */
const groupText = ({ name, lrScale, weightDecay }: Plan['groups'][number]) =>
  `${name}: × ${lrScale}, ${weightDecay === 0 ? 'no decay' : `decay ${weightDecay}`}`;

const BLOCKS = '▁▂▃▄▅▆▇█';
/** Blocks of a line. */
const WIDTH = 60;

/** The learning rate as a line of blocks, and its numbers: first, highest, last. */
function rateLine({ steps, schedule }: Plan): { readonly blocks: string; readonly numbers: string } {
  const rates = Array.from({ length: steps }, (_, step) => learningRate(schedule, step));
  const peak = rates.reduce((best, rate, step) => (rate > rates[best] ? step : best), 0);
  const count = Math.min(WIDTH, steps);
  const blocks = Array.from({ length: count }, (_, i) => {
    const height = rates[Math.floor(((i + 0.5) * steps) / count)] / rates[peak];
    return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(height * BLOCKS.length))];
  });
  return { blocks: blocks.join(''),
    numbers: `${rateText(rates[0])} in the first step, ${rateText(rates[peak])} in step ${grouped(peak + 1)}, ${
      rateText(rates[steps - 1])
    } in the last` };
}

const rateText = (rate: number) => (rate === 0 ? '0' : rate.toExponential(1).replace('.0e', 'e'));

/** What the training takes on an adapter, and what was measured to know that. */
export function timeLines(gpu: Pick<Gpu, 'name'>, { macs, config }: Plan,
  { macsPerSecond, clips, frames, tokens, seconds }: Speed): string {
  const many = clips === 1 ? '' : `${clips} clips of `;
  return [
    line('time',
      `${spanText(macs.training / macsPerSecond)} at ${
        macsText(macsPerSecond)
      } a second, if decoding keeps up; validations come on top`),
    line('',
      `measured: one block of the vision tower, ${many}${frames} ${
        frames === 1 ? 'frame' : 'frames'
      } of ${tokens} tokens, forward and gradient in ${config.train.precision}, takes ${
        digits(seconds)
      } s on ${gpu.name}`),
  ].join('\n');
}

/** The experiment that a file is of: its folder and its name, e.g. `k400/32_8`. */
const experimentOf = (file: string) => `${basename(dirname(resolve(file)))}/${runName(file)}`;

/** Plans beside one another, in Markdown: nothing in them is measured. */
export function planTable(plans: readonly { readonly file: string; readonly planned: Plan }[]): string {
  const inOrder = [...plans].sort((a, b) => a.file.localeCompare(b.file, 'en', { numeric: true }));
  const rows = inOrder.map(
    ({ file, planned: { config, preset, model, trained, frozen, memory, macs, clips, steps } }) => {
      const { batch, accumulation, recompute, epochs, precision } = config.train;
      return [
        experimentOf(file),
        `${preset ?? 'own'}${precision === 'f16' ? ', f16' : ''}`,
        String(model.frames),
        `${batch} × ${accumulation}`,
        millions(trained),
        millions(frozen),
        `${(memory.total / 2 ** 30).toFixed(1)} GiB${recompute ? ', recompute' : ''}`,
        macsText(macs.published),
        grouped(clips.count),
        String(epochs),
        grouped(steps),
        macsText(macs.training),
      ];
    },
  );
  return markdownTable(['configuration', 'model', 'frames', 'batch', 'trained', 'frozen', 'memory', 'a clip', 'clips',
    'epochs', 'steps', 'training'], rows);
}
