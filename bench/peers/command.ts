/** `npm run bench -- --peers`: the same tasks on the same adapter by other libraries. */
import { join } from 'node:path';
import { FirstlightError, open } from '../../engine/index.ts';
import { resultsFolder, writeResults } from '../results.ts';
import { PEERS } from './outcome.ts';
import { race, type RaceResults } from './race.ts';
import { peerTables } from './table.ts';

export interface PeersOptions {
  /** Tasks with this in their name, and libraries with this in theirs; Firstlight always takes part. */
  readonly case?: string;
  readonly peer?: string;
  readonly json?: string;
  readonly command: string;
}

/** Compares Firstlight with its peers and prints the tables. Returns the exit status. */
export async function benchPeers(options: PeersOptions): Promise<number> {
  const peers = PEERS.filter((name, i) => i === 0 || name.toLowerCase().includes((options.peer ?? '').toLowerCase()));
  if (peers.length === 1) {
    throw new FirstlightError('FL_FLAG', `no library has "${options.peer}" in its name`, {},
      `there are: ${PEERS.slice(1).join(', ')}`);
  }
  const results = await race(peers, options.case ?? '');
  console.log(peerTables(results));
  const isWhole = options.case === undefined && options.peer === undefined;
  if (isWhole || options.json !== undefined) {
    await using gpu = await open();
    const path = options.json ?? join(resultsFolder(gpu), 'peers.json');
    writeResults<RaceResults>(path, 'peers', gpu, options.command, results);
    process.stderr.write(`\nresults: ${path}\n`);
  }
  return 0;
}
