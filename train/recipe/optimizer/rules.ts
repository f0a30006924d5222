/**
 * Rates and decays of the published trainings of other systems, parameter by parameter, as factors on those of the
 * configuration. Names are MMAction2's.
 */

/** How some parameters learn. */
export interface LearningRule {
  /** What logs call them; what has a dot has the rate of what stands before it, `base` that of the configuration. */
  readonly name: string;
  readonly matches: (parameter: string, shape: readonly number[]) => boolean;
  /** Times the learning rate. */
  readonly lr: number;
  /** Times the weight decay. */
  readonly decay: number;
}

/** How groups of parameters may be made. */
export const GROUPINGS = ['recipe', 'mmaction2', 'written', 'fork'] as const;
/** One of them. */
export type Grouping = (typeof GROUPINGS)[number];

/** Groupings of a system beside the recipe's; of the rules of one, the first that matches a parameter counts. */
type Rules = Readonly<Partial<Record<Grouping, readonly LearningRule[]>>>;

const all = () => true;
const named = (pattern: RegExp) => (name: string) => pattern.test(name);
const HEAD = /^cls_head\./;

/**
 * TSMOptimWrapperConstructor with fc_lr5. It also gives biases of convolutions twice the rate and no decay, but a
 * ResNet's have none: what has one dimension is of a batch norm.
 */
const TSM: readonly LearningRule[] = [
  { name: 'head', matches: named(/^cls_head\..*weight$/), lr: 5, decay: 1 },
  { name: 'head_bias', matches: named(/^cls_head\..*bias$/), lr: 10, decay: 0 },
  { name: 'base.norms', matches: (_, shape) => shape.length === 1, lr: 1, decay: 0 },
  { name: 'base.weights', matches: all, lr: 1, decay: 1 },
];

/**
 * All alike. Of TimeSformer's parameters some were to be spared from decay, but their keys, `.backbone.cls_token` and
 * so on, match no parameter's name.
 */
const ALIKE: readonly LearningRule[] = [{ name: 'base.all', matches: all, lr: 1, decay: 1 }];

/** TimeSformer as the file means it, and as the authors' own training had it. */
const TIMESFORMER_WRITTEN: readonly LearningRule[] = [
  { name: 'base.places', matches: named(/(^|\.)(cls_token|pos_embed|time_embed)$/), lr: 1, decay: 0 },
  ...ALIKE,
];

/** MMAction2 1.x multiplies what all keys say that a name holds: `backbone`, `norm`, `relative_position_bias_table`. */
const SWIN: readonly LearningRule[] = [
  { name: 'base.head', matches: named(HEAD), lr: 1, decay: 1 },
  { name: 'backbone.undecayed', matches: named(/norm|relative_position_bias_table/), lr: 0.1, decay: 0 },
  { name: 'backbone', matches: all, lr: 0.1, decay: 1 },
];

/** mmcv, on which Video Swin's own code stands, takes the longest key that a name holds, and that one alone. */
const SWIN_FORK: readonly LearningRule[] = [
  { name: 'base.head', matches: named(HEAD), lr: 1, decay: 1 },
  { name: 'base.tables', matches: named(/relative_position_bias_table/), lr: 1, decay: 0 },
  { name: 'backbone', matches: all, lr: 0.1, decay: 1 },
];

/** By how the names of systems begin. */
const RULES: readonly (readonly [system: RegExp, rules: Rules])[] = [
  [/^tsm/, { mmaction2: TSM }],
  [/^tsn/, { mmaction2: ALIKE }],
  [/^timesformer/, { mmaction2: ALIKE, written: TIMESFORMER_WRITTEN }],
  [/^video-swin/, { mmaction2: SWIN, fork: SWIN_FORK }],
];

/** The rules that a system's parameters learn by, undefined for the recipe's; of those that it lacks, what it has. */
export function rulesOf(system: string, grouping: Grouping | null): {
  readonly rules: readonly LearningRule[] | undefined;
} | { readonly known: readonly Grouping[] } {
  const own = RULES.find(([pattern]) => pattern.test(system))?.[1] ?? {};
  const asked = grouping ?? ('mmaction2' in own ? 'mmaction2' : 'recipe');
  if (asked === 'recipe') return { rules: undefined };
  const rules = own[asked];
  return rules === undefined ? { known: ['recipe', ...(Object.keys(own) as Grouping[])] } : { rules };
}
