/** Optimisers over groups of parameters, and the groups of the recipe. */
export { AdamW, type AdamWOptions, type Moments } from './adamw.ts';
export { CONTROL, type GradientPlace, Optimizer, type OptimizerCounts, type ParameterGroup } from './optimizer.ts';
export { configuredOptimizer, OPTIMIZERS, type OptimizerOptions } from './configured.ts';
export { freeze, type GroupOptions, groupsOf, recipeGroups, textsLearn, TUNE, type Tune,
  usesRecipe } from './groups.ts';
export { type Grouping, GROUPINGS, rulesOf } from './rules.ts';
export { SGD, type SGDOptions } from './sgd.ts';
