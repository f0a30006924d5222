/** Which parameters learn, and in which groups. */
import { ConfigError, type Tensor } from '../../../engine/index.ts';
import { type ModelConfig, vectorsOf } from '../../../model/systems/config.ts';
import type { VideoModel } from '../../../model/systems/system.ts';
import type { ParameterGroup } from './optimizer.ts';
import { type Grouping, type LearningRule, rulesOf } from './rules.ts';

/** Whether the recipe spares a parameter from weight decay: vectors, biases, positions. */
function isUndecayed(name: string, tensor: Tensor): boolean {
  return tensor.shape.length === 1 || name.endsWith('.bias') || name.includes('positional_embedding');
}

/** What a configuration says of groups. */
export interface GroupOptions {
  readonly groups: Grouping | null;
  readonly weightDecay: number;
  readonly newPartsLrScale: number;
}

/** What groups are made of. */
type Grouped = Pick<VideoModel, 'parts' | 'parameters'> & { readonly config: { readonly system: string } };

/**
 * The groups that a configuration asks for. Parameters that need no gradient are left out.
 *
 * @throws ConfigError of groups that the system does not have
 */
export function groupsOf(model: Grouped, options: GroupOptions): ParameterGroup[] {
  const { system } = model.config;
  const found = rulesOf(system, options.groups);
  if ('known' in found) {
    throw new ConfigError('optim.groups', [`is ${options.groups}, ${system} has ${found.known.join(', ')}`],
      'take one of them, or leave it out');
  }
  return found.rules === undefined ? recipeGroups(model, options) : ruledGroups(model, found.rules, options);
}

/** Whether its groups are those of the recipe. */
export const usesRecipe = ({ model, optim }: { model: { system: string }; optim: Pick<GroupOptions, 'groups'> }) => {
  const found = rulesOf(model.system, optim.groups);
  return 'rules' in found && found.rules === undefined;
};

const trainedOf = (model: Pick<VideoModel, 'parameters'>) =>
  [...model.parameters()].filter(([, tensor]) => tensor.requiresGrad);

/** A group for each rule, of the parameters that match none before it. */
function ruledGroups(model: Pick<VideoModel, 'parameters'>, rules: readonly LearningRule[],
  { weightDecay }: GroupOptions): ParameterGroup[] {
  const groupOf = new Map(rules.map((rule) => [rule, [] as [string, Tensor][]]));
  for (const [name, tensor] of trainedOf(model)) {
    const rule = rules.find(({ matches }) => matches(name, tensor.shape)) as LearningRule;
    groupOf.get(rule)?.push([name, tensor]);
  }
  return [...groupOf].map(([{ name, lr, decay }, parameters]) => ({ name, lrScale: lr, weightDecay: decay * weightDecay,
    parameters })
  );
}

/**
 * The official groups: parts that a checkpoint has at the base learning rate, new ones (of X-CLIP messages,
 * integration, prompts) at `newPartsLrScale` times that; each once with and once without weight decay. Parameters that
 * need no gradient are left out.
 */
export function recipeGroups(model: Pick<VideoModel, 'parts' | 'parameters'>,
  options: { weightDecay: number; newPartsLrScale: number }): ParameterGroup[] {
  const trained = trainedOf(model);
  return model.parts.flatMap(({ name, isNew, matches }) => {
    const own = trained.filter(([full]) => matches(full));
    const lrScale = isNew ? options.newPartsLrScale : 1;
    return [
      { name, lrScale, weightDecay: options.weightDecay,
        parameters: own.filter(([full, tensor]) => !isUndecayed(full, tensor)) },
      { name: `${name}.undecayed`, lrScale, weightDecay: 0,
        parameters: own.filter(([full, tensor]) => isUndecayed(full, tensor)) },
    ];
  });
}

/** Which towers learn, beside the parts that a checkpoint lacks. Ni et al. 2022, arXiv:2208.02816, table 7. */
export const TUNE = ['visual', 'text', 'both', 'none'] as const;
/** One of them. */
export type Tune = (typeof TUNE)[number];

/** Whether texts learn, or what stands in front of them: else their features need be computed once only. */
export const textsLearn = (tune: Tune, config: ModelConfig): boolean =>
  tune === 'text' || tune === 'both' || vectorsOf(config) > 0;

/**
 * Freezes the towers that do not learn. The temperature goes with the texts, so that `visual` is the recipe's FIX_TEXT.
 * A system without texts is all of pictures.
 */
export function freeze(model: Pick<VideoModel, 'parts' | 'parameters' | 'texts'>, tune: Tune): void {
  const isNew = (name: string) => model.parts.some((part) => part.isNew && part.matches(name));
  for (const [name, tensor] of model.parameters()) {
    const isVisual = model.texts === undefined || name.startsWith('visual.');
    const learns = isNew(name) || tune === 'both' || tune === (isVisual ? 'visual' : 'text');
    if (!learns) tensor.requiresGrad = false;
  }
}
