/** Optimisers over groups of parameters, and the groups of the recipe. */
export { AdamW, type AdamWOptions, type Moments } from './adamw.ts';
export { CONTROL, Optimizer, type OptimizerCounts, type ParameterGroup } from './optimizer.ts';
export { freeze, recipeGroups, textsLearn, TUNE, type Tune } from './groups.ts';
export { SGD, type SGDOptions } from './sgd.ts';
