/** What is wrong in a configuration whose keys are right one by one. */
import { drawsWider, hasTexts, presetsOf, type SystemName } from '../../model/systems/config.ts';
import { rulesOf } from '../recipe/optimizer/index.ts';
import type { TrainConfig } from './config_keys.ts';

/** What is wrong with a key. */
export interface Problem {
  readonly at: readonly string[];
  readonly text: string;
}

/** What no single key can tell. */
export function contradictions(config: TrainConfig): Problem[] {
  const problems: Problem[] = [];
  const { preset, checkpoint } = config.model;
  problems.push(...ofDataSet(config));
  if (preset === null && checkpoint === null) {
    problems.push({ at: ['model'], text: 'needs preset (random start) or checkpoint (a folder)' });
  }
  if (preset !== null && checkpoint !== null) {
    problems.push({ at: ['model', 'preset'],
      text: 'contradicts model.checkpoint, whose config.json says the architecture; leave one out' });
  }
  const known = presetsOf(config.model.system);
  if (preset !== null && !known.includes(preset)) {
    problems.push({ at: ['model', 'preset'], text: `is ${preset}, ${config.model.system} has ${known.join(', ')}` });
  }
  problems.push(...ofSystem(config), ...ofVision(config));
  if (config.run.patience !== null && config.data.val === null) {
    problems.push({ at: ['run', 'patience'], text: 'needs data.val, a list of clips to evaluate on' });
  }
  const { sampling, valSampling, stride } = config.data;
  if (stride !== 1 && sampling !== 'dense' && valSampling !== 'dense') {
    problems.push({ at: ['data', 'stride'],
      text: 'is of dense clips: it needs data.sampling or data.valSampling: dense' });
  }
  problems.push(...ofOptimizer(config));
  if (config.train.wire === 'f16' && config.train.sum === 'library') {
    problems.push({ at: ['train', 'wire'], text: 'is f16, which needs train.sum: tree: MPI adds no such numbers' });
  }
  const { epochs, warmupEpochs, steps, warmupSteps } = config.train;
  if (steps === null && warmupSteps === null && warmupEpochs !== null && warmupEpochs >= epochs) {
    problems.push({ at: ['train', 'warmupEpochs'],
      text: `expected less than train.epochs (${epochs}), got ${warmupEpochs}` });
  }
  if (steps !== null && warmupSteps !== null && warmupSteps >= steps) {
    problems.push({ at: ['train', 'warmupSteps'],
      text: `expected less than train.steps (${steps}), got ${warmupSteps}` });
  }
  return problems;
}

/** What belongs to one optimiser, or to one schedule. */
function ofOptimizer({ optim, train, model }: TrainConfig): Problem[] {
  const { name, groups, momentum, nesterov, schedule, milestones } = optim;
  const rules = rulesOf(model.system, groups);
  const problem = (key: string, text: string): Problem => ({ at: ['optim', key], text });
  const last = milestones.at(-1) ?? 0;
  return [
    ...('known' in rules ? [problem('groups', `is ${groups}, ${model.system} has ${rules.known.join(', ')}`)] : []),
    ...(nesterov && name !== 'sgd' ? [problem('nesterov', 'is of SGD: it needs optim.name: sgd')] : []),
    ...(nesterov && name === 'sgd' && momentum === 0
      ? [problem('nesterov', 'needs a momentum, optim.momentum is 0')]
      : []),
    ...(schedule === 'milestones' && milestones.length === 0
      ? [problem('milestones', 'is missing: epochs after which the rate falls, such as [25, 45]')]
      : []),
    ...(schedule !== 'milestones' && milestones.length > 0
      ? [problem('milestones', `is of optim.schedule: milestones, which is ${schedule}`)]
      : []),
    ...(milestones.some((epoch, i) => epoch <= milestones[i - 1])
      ? [problem('milestones', `expected epochs that rise, got [${milestones.join(', ')}]`)]
      : []),
    ...(train.steps === null && last >= train.epochs
      ? [problem('milestones', `expected epochs before train.epochs (${train.epochs}), got ${last}`)]
      : []),
  ];
}

/** Systems whose frames send messages, and those with a transformer over frames. */
const WITH_MESSAGES: readonly SystemName[] = ['xclip', 'vit'];
const WITH_INTEGRATION: readonly SystemName[] = ['xclip', 'vit', 'x-florence'];

/** What is asked of a system that it has not, or cannot be without: else the key would change nothing. */
function ofSystem({ model, data }: TrainConfig): Problem[] {
  const { system, messages, integration, prompts, dropPath, dropout, init } = model;
  const problem = (key: string, text: string): Problem => ({ at: ['model', ...key.split('.')], text });
  const always = (key: string) => problem(key, `can be left out of xclip; ${system} always has it`);
  const isWhole = system !== 'xclip';
  const drawn = (['positions', 'weights'] as const).filter((key) => init[key] !== null && !drawsWider(system));
  return [
    ...(isWhole && !messages && WITH_MESSAGES.includes(system) ? [always('messages')] : []),
    ...(isWhole && !integration && WITH_INTEGRATION.includes(system) ? [always('integration')] : []),
    ...(system === 'x-florence' && prompts === false ? [always('prompts')] : []),
    ...(prompts === 'learned' && system === 'x-florence'
      ? [problem('prompts', `is learned; ${system} has those that look at videos`)]
      : []),
    ...(prompts !== null && prompts !== false && !hasTexts(system)
      ? [problem('prompts', `is of a system with texts; ${system} has none`)]
      : []),
    ...(dropPath > 0 && (system === 'tsm' || system === 'tsn')
      ? [problem('dropPath', `is of a transformer; ${system} drops no branches`)]
      : []),
    ...(dropout > 0 && hasTexts(system) ? [problem('dropout', `is of a system with a head; ${system} has none`)] : []),
    ...(data.templates !== 'none' && !hasTexts(system)
      ? [{ at: ['data', 'templates'], text: `is of a system with texts; ${system} has none` }]
      : []),
    ...drawn.map((key) =>
      problem(`init.${key}`, `is of timesformer…, video-swin and coswin; ${system} draws none by it`)
    ),
  ];
}

/** What a checkpoint for pictures alone needs beside it. */
function ofVision({ model: { system, checkpoint, vision } }: TrainConfig): Problem[] {
  const at = ['model', 'vision'];
  if (vision === null) return [];
  if (!hasTexts(system)) return [{ at, text: `is for a system with texts; ${system} starts from model.checkpoint` }];
  return checkpoint === null ? [{ at, text: 'needs model.checkpoint, a CLIP that has the texts' }] : [];
}

/** What the format of a data set needs, and what it makes no use of. */
function ofDataSet({ data }: TrainConfig): Problem[] {
  const { format, train, val, labels, split, firstLabel, seen, unseenOnly } = data;
  const problems: Problem[] = [];
  if (unseenOnly && seen === null) {
    problems.push({ at: ['data', 'unseenOnly'], text: 'needs data.seen, names that are not new' });
  }
  if (format === 'list' && labels === null) {
    problems.push({ at: ['data', 'labels'], text: 'is missing: a text, where data.format is list' });
  }
  if (format !== 'list' && firstLabel !== null) {
    problems.push({ at: ['data', 'firstLabel'],
      text: `is for data.format: list; ${format} says itself how it counts` });
  }
  if (split !== 1 && format !== 'hmdb51' && ![train, val].some((path) => path?.includes('{split}'))) {
    problems.push({ at: ['data', 'split'],
      text:
        `is ${split}, and no list depends on it: write {split} in data.train or data.val, as in trainlist0{split}.txt` });
  }
  return problems;
}
