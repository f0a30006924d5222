/** What was measured beside the rooms, as one page: goals, other libraries, X-CLIP. */
import { formatBytes } from '../engine/index.ts';
import { judged } from './goals.ts';
import { growthTable } from './growth.ts';
import type { GrowthResults } from './growth_point.ts';
import { headingTable, MADE } from './heading.ts';
import type { KernelData } from './kernels/data.ts';
import type { ProcessorResults } from './peers/processor.ts';
import type { RaceResults } from './peers/race.ts';
import { peerTables, processorTable } from './peers/table.ts';
import type { Results } from './result_text.ts';
import { folderName } from './results.ts';
import { roofsText } from './roofs/index.ts';
import { kernelShareTable } from './shares.ts';
import { type StepResults, systemTitle } from './step.ts';
import { digits, duration, markdownTable, percent } from '../train/log/table.ts';

/** What there is; what is missing has no part of the page. */
export interface Parts {
  readonly kernels?: Results<KernelData>;
  readonly peers?: Results<RaceResults>;
  readonly processor?: Results<ProcessorResults>;
  readonly step?: Results<StepResults>;
  readonly growth?: Results<GrowthResults>;
}

/** Goals with what was reached, of those that were measured. They are of software adapters. */
function goalsPart({ kernels, peers }: Parts): readonly string[] {
  const seen = kernels ?? peers;
  if (seen === undefined || !seen.environment.isSoftware) return [];
  const lines = judged({ kernels, outcomes: peers?.outcomes }).flatMap((
    { what, goal, reached, isMet },
  ) => (reached === undefined ? [] : [[what, goal, reached, isMet ? 'met' : 'missed']]));
  return [
    '## Where the kernels stand',
    `Each row is reached where every case of it is. Goals that name a copy were set by one that gives each lane one vector; in brackets stands what the roof, a
better copy, leaves of them.`,
    markdownTable(['what', 'goal', 'reached', ''], lines),
  ];
}

function kernelsPart({ kernels }: Parts): readonly string[] {
  if (kernels === undefined) return [];
  const rooms = [...new Set(kernels.rows.filter(({ isWorkload }) => isWorkload).map(({ room }) => room))];
  return [
    '## Kernels',
    headingTable(kernels, { roofs: roofsText(kernels.roofs) }),
    `A page for each room: ${rooms.map((room) => `[${room}](../kernels/${room}/MEASURED.md)`).join(', ')}.`,
  ];
}

function peersPart({ peers }: Parts): readonly string[] {
  return peers === undefined ? [] : ['## Beside other libraries', headingTable(peers), peerTables(peers)];
}

function processorPart({ processor }: Parts): readonly string[] {
  return processor === undefined ?
    [] :
    ['## What WebGPU on a processor costs', headingTable(processor, { roofs: roofsText(processor.roofs) }),
      processorTable(processor, processor.roofs)];
}

function stepPart({ step }: Parts): readonly string[] {
  if (step === undefined) return [];
  const passes = step.rows.map((row) => [
    `${systemTitle(row.system)} ${row.preset}`,
    String(row.batch),
    row.pass,
    row.precision,
    duration(row.wall.median * 1e6),
    digits(row.clipsPerSecond),
    digits(row.flops / 1e6 / row.wall.median),
    percent(row.ofTheRoof),
    String(row.dispatches),
    String(row.submits),
    duration(row.host.median * 1e6),
    formatBytes(row.peakBytes),
  ]);
  const largest = step.rows.filter(({ pass, kernels }) => pass === 'training step' && kernels.length > 0).reduce((a,
    b) => (b.flops > a.flops ? b : a)
  );
  return [
    '## Models, forward and a training step',
    headingTable(step, { roofs: roofsText(step.roofs) }),
    markdownTable(['model', 'clips', 'pass', 'stored', 'wall', 'clips/s', 'GFLOP/s', 'of the roof', 'dispatches',
      'submits', 'host', 'all buffers'], passes),
    `The kernels that take most of a training step of ${systemTitle(largest.system)} ${largest.preset}:`,
    kernelShareTable(largest.kernels),
  ];
}

function growthPart({ growth }: Parts): readonly string[] {
  if (growth === undefined) return [];
  return ['## Growth', headingTable(growth),
    `A training step against what there is more of; a slope is the exponent p of xᵖ between two rows.
The curves: [growth.svg](results/${folderName(growth.environment.adapter)}/growth.svg).`, growthTable(growth.points)];
}

/** The whole of bench/MEASURED.md. */
export function benchPage(parts: Parts): string {
  const about = 'What is measured, and how, is told by [the benchmark](README.md).';
  return `${
    ['# The benchmark: measured', MADE, about, ...goalsPart(parts), ...kernelsPart(parts), ...peersPart(parts),
      ...processorPart(parts), ...stepPart(parts), ...growthPart(parts)].join('\n\n')
  }\n`;
}
