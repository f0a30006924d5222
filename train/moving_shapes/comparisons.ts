/** The two comparisons that `firstlight table moving-shapes` makes. */
import type { ComparisonPlan } from './comparison.ts';
import type { Column } from './comparison_report.ts';
import { DEFAULT_SIZES } from './files.ts';
import { COMPARED, type ComparedSystem, NETWORKS, type Order, ORDERS } from './systems.ts';

/** Systems that are trained alike, and what is told of them. */
export interface Comparison {
  /** Words behind `firstlight`. */
  readonly command: string;
  readonly title: string;
  readonly systems: readonly ComparedSystem[];
  readonly orders: readonly Order[];
  readonly plan: ComparisonPlan;
  /** A short form that learns little. */
  readonly smoke: ComparisonPlan;
  /** Behind their names. */
  readonly columns: readonly Column[];
  readonly headline: 'motions' | 'seen';
  /** Where it is left if no folder is named. */
  readonly folder: string;
  /** How they were trained, in a sentence or two for a reader who knows nothing. */
  readonly story: string;
  /** The system whose configuration the report shows. */
  readonly shown: string;
}

const FEW = { train: 240, testSeen: 120, testUnseen: 72, stills: 432 };

/** The paper's systems, from CLIP's towers or from nothing. */
export const PAPER: Comparison = {
  command: 'table moving-shapes',
  title: 'Systems on moving shapes',
  systems: COMPARED,
  orders: ORDERS,
  plan: { sizes: DEFAULT_SIZES, clipSteps: 900, videoSteps: 400, shots: 2, shotSteps: 60 },
  smoke: { sizes: FEW, clipSteps: 30, videoSteps: 6, shots: 2, shotSteps: 3 },
  columns: ['start', 'seen', 'shots', 'unseen', 'parameters', 'macs', 'bytes', 'clipsPerSecond'],
  headline: 'seen',
  folder: 'runs/table_moving_shapes',
  story:
    "On CLIP's towers or from nothing, with texts or with a head. New classes are names that never occurred in training: told without an example (zero-shot), or after two clips of each (few-shot).",
  shown: 'xclip',
};

/** Networks with a head, beside forms of them to which the order of frames is nothing. */
export const WITH_HEAD: Comparison = {
  command: 'table moving-shapes --networks',
  title: 'Networks with a head on moving shapes',
  systems: NETWORKS,
  orders: [],
  plan: { sizes: DEFAULT_SIZES, clipSteps: 0, videoSteps: 900, shots: 0, shotSteps: 0 },
  smoke: { sizes: FEW, clipSteps: 0, videoSteps: 6, shots: 0, shotSteps: 0 },
  columns: ['motions', 'seen', 'parameters', 'macs', 'seconds'],
  headline: 'motions',
  folder: 'runs/table_moving_shapes_networks',
  story:
    'All from nothing. Every motion runs forwards in one class and backwards in another, with the same frames: a system to which their order is nothing can have half of the motions at most.',
  shown: 'tsm',
};
