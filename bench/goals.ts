/** Goals that were set for software adapters, and what measurements say of them. */
import type { KernelData } from './kernels/data.ts';
import { gflopsOf, plainShareOf, type Row, shareOf } from './kernels/row.ts';
import type { Direction } from './kernels/prepared.ts';
import { advantage, type Outcome, summary } from './peers/outcome.ts';
import { trainingTasks } from './peers/tasks.ts';
import { percent } from '../train/log/table.ts';

/** What a goal is judged by; what is missing was not measured. */
export interface Evidence {
  readonly kernels?: KernelData;
  readonly outcomes?: readonly Outcome[];
}

/** A line of the table: `reached` is undefined if the evidence for it is missing. */
export interface Judged {
  readonly what: string;
  readonly goal: string;
  readonly reached: string | undefined;
  readonly isMet: boolean;
}

interface Goal {
  readonly what: string;
  readonly goal: string;
  /** What was reached, all of it; undefined without evidence. */
  judge(evidence: Evidence): { readonly reached: string; readonly isMet: boolean } | undefined;
}

const times = (ratio: number) => `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
/** The least and the most of several shares. */
const span = (shares: readonly number[]) =>
  [...new Set([Math.min(...shares), Math.max(...shares)].map(percent))].join(' to ');

/** Tasks of a name beside the best peer that trains: each of them so many times as fast. */
function besidePeers(what: string, prefix: string, least: number): Goal {
  const tasks = trainingTasks.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  return {
    what: `${what}, beside the best peer that trains`,
    goal: `${least} ×`,
    judge({ outcomes = [] }) {
      const ratios = tasks.map((task) => advantage(outcomes, task)?.ratio);
      if (ratios.some((ratio) => ratio === undefined)) return undefined;
      return { reached: ratios.map((ratio) => times(ratio as number)).join(', '),
        isMet: ratios.every((ratio) => (ratio as number) >= least) };
    },
  };
}

/** The fastest variant of each case of a room, in f32. */
function fastest({ kernels }: Evidence, room: string, direction: Direction, of: (row: Row) => boolean): Row[] {
  const rows = (kernels?.rows ?? []).filter((row) =>
    row.room === room && row.direction === direction && row.isWorkload && row.type === 'f32' && of(row)
  );
  return rows.filter((row) => rows.every((other) => other.case !== row.case || other.gpu.median >= row.gpu.median));
}

/**
 * A kernel that memory bounds: its share of a copy that gives each lane one vector; in brackets its share of the roof.
 */
function ofACopy(what: string, room: string, directions: readonly Direction[], least: number,
  of: (row: Row) => boolean): Goal {
  return {
    what: `${what}, ${directions.join(' and ')}`,
    goal: `${percent(least)} of a plain copy`,
    judge(evidence) {
      const rows = directions.flatMap((direction) => fastest(evidence, room, direction, of));
      if (rows.length === 0) return undefined;
      const shares = rows.map(plainShareOf);
      return { reached: `${span(shares)} (of the roof ${span(rows.map(shareOf))})`,
        isMet: shares.every((share) => share >= least) };
    },
  };
}

const both = ['forward', 'gradient'] as const;
const GOALS: readonly Goal[] = [
  {
    what: `the best peer that trains, geometric mean over ${trainingTasks.length} tasks`,
    goal: '5 ×',
    judge({ outcomes = [] }) {
      const all = summary(outcomes, trainingTasks.map(({ name }) => name));
      return all === undefined || all.missing.length > 0
        ? undefined
        : { reached: `${times(all.mean)}, each at least ${times(all.least)}`, isMet: all.mean >= 5 };
    },
  },
  besidePeers('each task', '', 1.5),
  besidePeers('matmul', 'matmul', 4),
  besidePeers('attention with its gradient', 'attention', 3),
  besidePeers('small ViT, training step', 'small ViT', 4),
  {
    what: 'matmul, 768³, 1024³ and the layers of B/32, forward and gradient',
    goal: '15 % of the fused instructions of the processor',
    judge(evidence) {
      const peak = evidence.kernels?.roofs.processorGflops;
      const rows = both.flatMap((direction) =>
        fastest(evidence, 'matmul', direction, (row) => /^(768³|1024³|B\/32)/.test(row.case))
      );
      if (peak === undefined || rows.length === 0) return undefined;
      const shares = rows.map((row) => gflopsOf(row) / peak);
      return { reached: `${span(shares)} (of the roof ${span(rows.map(shareOf))})`,
        isMet: shares.every((share) => share >= 0.15) };
    },
  },
  ofACopy('layernorm, 768 wide', 'layernorm', ['forward'], 0.9, (row) => row.case.endsWith('× 768')),
  ofACopy('layernorm, 768 wide', 'layernorm', ['gradient'], 0.75, (row) => row.case.endsWith('× 768')),
  ofACopy('GELU and QuickGELU', 'gelu', both, 0.9, () => true),
  ofACopy('cross-entropy, soft targets', 'cross_entropy', both, 0.8, (row) => row.case === '1600 × 400, soft'),
  ofACopy('AdamW, 10 M parameters', 'adamw', ['forward'], 1, (row) => row.case === '10 M parameters'),
];

export function judged(evidence: Evidence): readonly Judged[] {
  return GOALS.map(({ what, goal, judge }) => ({ what, goal, reached: undefined, isMet: false, ...judge(evidence) }));
}
