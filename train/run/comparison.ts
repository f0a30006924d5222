/** A run's numbers beside those of the paper: which column they stand in, and what keeps them from being compared. */
import { basename } from 'node:path';
import { type Experiment, PAPER, type PaperRow, type PaperTable, type Printed, shotColumn,
  type Tested } from '../protocols/paper.ts';
import { deviations, type Switches, usual } from '../protocols/switches.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import { configKeys } from './config_keys.ts';
import type { RunResult } from './run_results.ts';

/** A run in the table of an experiment. */
export interface Compared {
  readonly result: RunResult;
  /** The paper's row that is most like it. */
  readonly row: PaperRow;
  readonly values: Readonly<Record<string, Printed>>;
  /** Each in a few words. */
  readonly differences: readonly string[];
}

/** Places a measurement in an experiment's table, beside the row of the paper that is most like it. */
export function compare(experiment: Experiment, result: RunResult): Compared {
  const table = PAPER[experiment];
  const { tested, isGuessed } = testedOf(table, result);
  const values = valuesOf(experiment, result, tested);
  const own = [
    ...(isGuessed ? [`the list is not called after ${table.tested.map(({ name }) => name).join(' or ')}`] : []),
    ...(Object.keys(values).some((column) => table.columns.includes(column)) ? [] : ['no column of this table']),
    ...dataDifferences(experiment, result, tested),
  ];
  const ofTraining = trainingDifferences(table, result);
  const beside = table.rows.filter(({ model }) => model !== undefined).map((row) => ({ row,
    differences: [...modelDifferences(result, row), ...own, ...startDifference(result.switches, row), ...ofTraining] })
  );
  const nearest = beside.reduce((best, each) => (each.differences.length < best.differences.length ? each : best));
  return { result, values, ...nearest };
}

/** The data set of a table that was measured; the only one, or the one with as many classes, if no name says it. */
function testedOf({ tested }: PaperTable, { set, classes }: RunResult): { tested: Tested; isGuessed: boolean } {
  const named = tested.find(({ name }) => name === set);
  if (named !== undefined) return { tested: named, isGuessed: false };
  return { tested: tested.find((each) => each.classes === classes) ?? tested[0], isGuessed: true };
}

const percent = (share: number, deviation?: number): Printed => ({ value: 100 * share,
  ...(deviation !== undefined && { deviation: 100 * deviation }) });

function valuesOf(experiment: Experiment, result: RunResult, { name }: Tested): Record<string, Printed> {
  const [top1, top5] = [percent(result.top1, result.deviation?.top1), percent(result.top5, result.deviation?.top5)];
  if (experiment === 'zero-shot') return { [name]: top1, [`${name} top-5`]: top5 };
  if (experiment !== 'few-shot') return { 'top-1': top1, 'top-5': top5 };
  const shots = shotsOf(result);
  return shots === null ? {} : { [shotColumn(name, shots)]: top1 };
}

const shotsOf = ({ training }: RunResult): number | null => training?.data.shots ?? null;

function modelDifferences({ system, switches, preset, frames, size, views }: RunResult, row: PaperRow): string[] {
  const [clips, crops] = views;
  const viewText = (own: readonly [number, number]) => own[0] * own[1] === 1 ? '1 view' : `${own[0]} × ${own[1]} views`;
  const theirs = row.model && { ...usual(row.model.system), ...row.model.switches };
  return [
    ...(system === row.model?.system ? [] : [`${SYSTEM[system]}, not ${row.system}`]),
    ...(theirs === undefined
      ? []
      : deviations(switches, theirs).map((each) => `${each.own}, not ${each.theirs}`)),
    ...(preset === row.model?.preset ? [] : [`${preset ?? 'a model of its own sizes'}, not ${row.model?.preset}`]),
    ...(row.frames === undefined || frames === row.frames ? [] : [`${frames} frames, not ${row.frames}`]),
    ...(row.size === undefined || size === row.size ? [] : [`${size} × ${size} pixels, not ${row.size}`]),
    ...(row.views === undefined || clips * crops === row.views[0] * row.views[1]
      ? []
      : [`${viewText(views)}, not ${viewText(row.views)}`]),
  ];
}

function dataDifferences(experiment: Experiment, result: RunResult, tested: Tested): string[] {
  const { classes, clips, parts, splits, unreadable, protocol } = result;
  const [least, most] = tested.clips;
  const count = (value: number) => value.toLocaleString('en-US');
  const expected = least === most ? count(least) : `${count(least)} to ${count(most)}`;
  const isOther = experiment === 'zero-shot' ? parts !== tested.parts : parts !== 1 && protocol !== 'few-shot';
  return [
    ...(classes === tested.classes ? [] : [`${count(classes)} classes, not ${count(tested.classes)}`]),
    ...(clips >= least && clips <= most ? [] : [`${count(clips)} clips, ${tested.name} has ${expected}`]),
    ...(isOther ? [`the mean of ${parts}, not of ${tested.parts}`] : []),
    ...(experiment === 'few-shot' && splits.some((split) => split !== null && split !== 1)
      ? ['not the first split']
      : []),
    ...(unreadable === 0 ? [] : [`${count(unreadable)} unreadable clips count as wrong`]),
  ];
}

/** Keys that make another training, not another pace of the same. */
const RECIPE =
  /^(data\.(crop|flip|jitter|gray|sampling|valSampling|stride|templateMean)|model\.(dropPath|dropout|init\..*)|train\.(labelSmoothing|batchNorm|mixup|cutmix|mixSwitch|warmupEpochs|warmupSteps|steps)|optim\.(?!lr$).*)$/;

function trainingDifferences({ recipe }: PaperTable, { training, checkpoint }: RunResult): string[] {
  if (training === undefined) return [`weights trained elsewhere: ${basename(checkpoint ?? '')}`];
  const { train, optim } = training;
  const clips = train.batch * train.accumulation;
  return [
    ...(train.steps !== null || train.epochs === recipe.epochs
      ? []
      : [`${train.epochs} epochs, not ${recipe.epochs}`]),
    ...(clips === recipe.clips ? [] : [`${clips} clips a step, not ${recipe.clips}`]),
    ...(optim.lr === recipe.lr ? [] : [`learning rate ${optim.lr}, not ${recipe.lr}`]),
    ...configKeys.filter(({ key, isSection }) => !isSection && RECIPE.test(key)).flatMap(({ key, fallback }) => {
      const value = key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], training);
      const [own, theirs] = [JSON.stringify(value), JSON.stringify(fallback)];
      return own === theirs ? [] : [`${key} ${own}, not ${theirs}`];
    }),
  ];
}

/** What a training started from, where that is not what the paper's did. */
function startDifference({ start }: Switches, { weights }: PaperRow): string[] {
  if (start === undefined || start === weights) return [];
  if (start === 'none') return [`random weights, not ${weights}`];
  return [`weights of ${start}, not ${weights === 'none' ? 'random ones' : `of ${weights}`}`];
}
