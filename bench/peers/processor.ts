/**
 * `npm run bench -- --processor`: what WebGPU costs where the adapter is a processor. The same tasks by libraries that
 * compute on the processor itself.
 */
import { join } from 'node:path';
import { FirstlightError, open } from '../../engine/index.ts';
import { measureRoofs } from '../roofs/here.ts';
import type { Roofs } from '../roofs/index.ts';
import { resultsFolder, writeResults } from '../results.ts';
import type { PeersOptions } from './command.ts';
import { ON_PROCESSOR, OURS } from './outcome.ts';
import { race, type RaceResults } from './race.ts';
import { processorTable } from './table.ts';

/** What the file of results holds. */
export interface ProcessorResults extends RaceResults {
  readonly roofs: Roofs;
}

/**
 * Races Firstlight against libraries on the processor and prints the table. Returns the exit status.
 * @throws {FirstlightError} on a hardware adapter, where the two are not on one machine
 */
export async function benchProcessor(
  { case: word, json, command }: Omit<PeersOptions, 'peer'>,
): Promise<number> {
  await using gpu = await open();
  if (gpu.kind !== 'software') {
    throw new FirstlightError('FL_FLAG', `--processor compares what runs on one processor, and ${gpu.name} is none`, {},
      'choose a software adapter by FIRSTLIGHT_ADAPTER, or compare with --peers');
  }
  const roofs = await measureRoofs(gpu);
  const results = { roofs, ...(await race([OURS, ...ON_PROCESSOR], word ?? '')) };
  console.log(processorTable(results, roofs));
  if (word === undefined || json !== undefined) {
    const path = json ?? join(resultsFolder(gpu), 'processor.json');
    writeResults<ProcessorResults>(path, 'processor', gpu, command, results);
    process.stderr.write(`\nresults: ${path}\n`);
  }
  return 0;
}
