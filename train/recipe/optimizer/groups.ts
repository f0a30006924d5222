/** The parameter groups of the recipe. */
import type { Tensor } from '../../../engine/index.ts';
import { type ModelConfig, vectorsOf } from '../../../model/systems/config.ts';
import type { VideoModel } from '../../../model/systems/system.ts';
import type { ParameterGroup } from './optimizer.ts';

/** Whether the recipe spares a parameter from weight decay: vectors, biases, positions. */
function isUndecayed(name: string, tensor: Tensor): boolean {
  return tensor.shape.length === 1 || name.endsWith('.bias') || name.includes('positional_embedding');
}

/**
 * The official groups: parts that a checkpoint has at the base learning rate, new ones (of X-CLIP messages,
 * integration, prompts) at `newPartsLrScale` times that; each once with and once without weight decay. Parameters that
 * need no gradient are left out.
 */
export function recipeGroups(model: Pick<VideoModel, 'parts' | 'parameters'>,
  options: { weightDecay: number; newPartsLrScale: number }): ParameterGroup[] {
  const trained = [...model.parameters()].filter(([, tensor]) => tensor.requiresGrad);
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
 */
export function freeze(model: Pick<VideoModel, 'parts' | 'parameters'>, tune: Tune): void {
  const isNew = (name: string) => model.parts.some((part) => part.isNew && part.matches(name));
  for (const [name, tensor] of model.parameters()) {
    const isVisual = name.startsWith('visual.');
    const learns = isNew(name) || tune === 'both' || tune === (isVisual ? 'visual' : 'text');
    if (!learns) tensor.requiresGrad = false;
  }
}
