/** Optimisers over groups of parameters, and the groups of the recipe. */
export { AdamW, type AdamWOptions, type Moments } from './optimizer/adamw.ts';
export { CONTROL, Optimizer, type OptimizerCounts, type ParameterGroup } from './optimizer/optimizer.ts';
export { fixText, recipeGroups } from './optimizer/recipe.ts';
export { SGD, type SGDOptions } from './optimizer/sgd.ts';
