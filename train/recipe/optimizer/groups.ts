/** The parameter groups of the recipe. */
import type { Module, Tensor } from '../../../engine/index.ts';
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

/**
 * The recipe's FIX_TEXT: trains only the vision tower, the integration and the prompts; the text tower and the
 * temperature stay as they are.
 */
export function fixText(model: Module): void {
  for (const [name, tensor] of model.parameters()) {
    if (!/visual\.|mit|prompts/.test(name)) tensor.requiresGrad = false;
  }
}
