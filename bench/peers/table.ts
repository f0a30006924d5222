/** The comparison as tables for a terminal and for Markdown. */
import { digits, markdownTable } from '../../train/log/table.ts';
import { geometricMean } from '../statistics.ts';
import { advantage, ON_PROCESSOR, OURS, type Outcome, PEERS, type PeerName, summary,
  TRAINING_PEERS } from './outcome.ts';
import type { RaceResults } from './race.ts';
import type { Roofs } from '../roofs/rates.ts';

const find = (outcomes: readonly Outcome[], task: string, peer: PeerName) =>
  outcomes.find((one) => one.task === task && one.peer === peer);

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '';
  return outcome.milliseconds === undefined
    ? 'failed'
    : `${digits(outcome.milliseconds.median)}${outcome.trouble.length > 0 ? ' *' : ''}`;
}

function times(outcomes: readonly Outcome[], names: readonly string[], peers: readonly PeerName[]): string {
  const rows = names.map((task) => {
    const ahead = advantage(outcomes, task);
    return [task, ...peers.map((peer) => cell(find(outcomes, task, peer))),
      ahead === undefined ? '' : `${digits(ahead.ratio)} × ${ahead.peer}`];
  });
  return markdownTable(['ms of a call, median', ...peers, 'Firstlight is faster by'], rows);
}

const scientific = (
  value: number | undefined,
) => (value === undefined ? '' : value === Number.POSITIVE_INFINITY ? 'not a number' : value.toExponential(1));

function checks(outcomes: readonly Outcome[], names: readonly string[], peers: readonly PeerName[]): string {
  const rows = names.map((task) => [task, ...peers.flatMap((peer) => {
    const outcome = find(outcomes, task, peer);
    return [scientific(outcome?.error), outcome?.firstCall === undefined ? '' : digits(outcome.firstCall / 1000)];
  })]);
  return markdownTable(['error against float64, and seconds of the first call',
    ...peers.flatMap((peer) => [peer, 's'])], rows);
}

/** Which libraries these were, a line; nothing where no version is known. */
const librariesText = ({ libraries = {} }: RaceResults) =>
  Object.keys(libraries).length === 0
    ? []
    : [`${Object.entries(libraries).map(([name, version]) => `${name}: ${version}`).join('. ')}.`];

/** Tables of times, errors and first calls, what went wrong, and the mean. */
export function peerTables(results: RaceResults): string {
  const { outcomes } = results;
  const names = (
    isForward: boolean,
  ) => [
    ...new Set(
      outcomes.filter(({ direction, task }) => (direction === 'forward' && !task.startsWith('matmul')) === isForward)
        .map(({ task }) => task),
    ),
  ];
  const [training, forward] = [names(false), names(true)];
  const peers = PEERS.filter((peer) => outcomes.some((one) => one.peer === peer));
  const parts: string[] = [];
  if (training.length > 0) parts.push(times(outcomes, training, peers));
  const all = summary(outcomes, training);
  if (all !== undefined) {
    const missing = all.missing.length > 0 ? `; without a number: ${all.missing.join(', ')}` : '';
    parts.push(
      `Geometric mean over the best of ${TRAINING_PEERS.join(' and ')}: ${digits(all.mean)} ×, at least ${
        digits(all.least)
      } ×${missing}.`,
    );
  }
  if (forward.length > 0) parts.push(times(outcomes, forward, peers));
  parts.push(checks(outcomes, [...training, ...forward], peers));
  return [...parts, ...troublesText(outcomes), ...librariesText(results)].join('\n\n');
}

/** What went wrong, a list. */
function troublesText(outcomes: readonly Outcome[]): readonly string[] {
  const troubles = outcomes.flatMap(({ task, peer, trouble }) => trouble.map((line) => `* ${peer}, ${task}: ${line}`));
  return troubles.length === 0 ? [] : [troubles.join('\n')];
}

/** Libraries whose times follow one another in a mean, by the beginning of their names. */
const KINDS = ['ONNX Runtime', 'PyTorch'] as const;

/** Milliseconds of a library on a task, if it was timed. */
const timeOf = (outcomes: readonly Outcome[], task: string, peer: PeerName) =>
  find(outcomes, task, peer)?.milliseconds?.median;

/** How many times as long as a library on the processor a task took on WebGPU there; undefined if either has none. */
export function costOn(outcomes: readonly Outcome[], task: string, kind: string): number | undefined {
  const ours = timeOf(outcomes, task, OURS);
  const times = ON_PROCESSOR.filter((name) => name.startsWith(kind)).map((name) => timeOf(outcomes, task, name)).filter(
    (
      time,
    ) => time !== undefined,
  );
  return ours === undefined || times.length === 0 ? undefined : ours / Math.min(...times);
}

/** What a task costs on WebGPU on a processor, beside libraries on the processor itself. */
export function processorTable(results: RaceResults, { gflops, processorGflops = gflops }: Roofs): string {
  const { outcomes } = results;
  const names = [...new Set(outcomes.map(({ task }) => task))];
  const libraries = ON_PROCESSOR.filter((name) => outcomes.some(({ peer }) => peer === name));
  const kinds = KINDS.filter((kind) => libraries.some((name) => name.startsWith(kind)));
  const times = (ratio: number | undefined) => (ratio === undefined ? '' : `${digits(ratio)} ×`);
  const rows = names.map((
    task,
  ) => [task, cell(find(outcomes, task, OURS)), ...libraries.map((name) => cell(find(outcomes, task, name))),
    ...kinds.map((kind) => times(costOn(outcomes, task, kind)))]
  );
  const means = kinds.flatMap((kind) => {
    const ratios = names.map((task) => costOn(outcomes, task, kind)).filter((ratio) => ratio !== undefined);
    return ratios.length === 0
      ? []
      : [
        `${
          times(geometricMean(ratios))
        } as long as ${kind}, geometric mean of ${ratios.length} of ${names.length} tasks.`,
      ];
  });
  const adapter = processorGflops / gflops;
  const products = names.filter((task) => task.startsWith('matmul')).flatMap((task) => {
    const costs = kinds.map((kind) => costOn(outcomes, task, kind)).filter((ratio) => ratio !== undefined);
    const most = Math.max(...costs);
    return costs.length === 0 ? [] : [[task, times(most), times(adapter), times(most / adapter)]];
  });
  return [
    markdownTable(['ms of a call, median', OURS, ...libraries, ...kinds.map((kind) => `as long as ${kind}`)], rows),
    ...means,
    ...(products.length === 0 ? [] : [
      `Shaders on this adapter reach ${digits(gflops)} GFLOP/s of the processor's ${
        digits(processorGflops)
      }, as it compiles them without fused instructions: this much of a product's distance is the adapter's, and the rest ours.`,
      markdownTable(['product', 'beside the fastest', 'the adapter’s', 'ours'], products),
    ]),
    ...troublesText(outcomes),
    ...librariesText(results),
  ].join('\n\n');
}
