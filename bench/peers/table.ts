/** The comparison as tables for a terminal and for Markdown. */
import { digits, markdownTable } from '../../train/log/table.ts';
import { advantage, type Outcome, PEERS, type PeerName, summary, TRAINING_PEERS } from './outcome.ts';

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

/** Tables of times, errors and first calls, what went wrong, and the mean. */
export function peerTables(outcomes: readonly Outcome[]): string {
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
  const troubles = outcomes.flatMap(({ task, peer, trouble }) => trouble.map((line) => `* ${peer}, ${task}: ${line}`));
  if (troubles.length > 0) parts.push(troubles.join('\n'));
  return parts.join('\n\n');
}
