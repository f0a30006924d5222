/**
 * Searches the fastest way to run each kernel at the sizes of models, on this adapter.
 *
 *   npm run tune                     every room; updates this machine's part of kernels/tuned.json
 *   npm run tune -- --room matmul    one room, the others stay as they are
 */
import type { ArgsDef } from 'citty';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { candidateText, FirstlightError, open, parseTunings } from '../../engine/index.ts';
import { rooms } from '../../kernels/index.ts';
import { workloadsFor } from '../../kernels/shared/workload.ts';
import { exitCodeOf, explain } from '../../train/cli/failure.ts';
import { flagsOf } from '../../train/cli/flags.ts';
import { DispatchClock } from '../clock.ts';
import { RoofKernels } from '../roofs/index.ts';
import { duration, markdownTable } from '../../train/log/table.ts';
import { type Finding, searchRoom } from './classes.ts';
import { requireTunable, tuningsText, withFindings } from './file.ts';

const SHIPPED = fileURLToPath(new URL('../../kernels/tuned.json', import.meta.url));

const ARGS = {
  room: { type: 'string', description: 'one room: matmul, attention, …' },
  case: { type: 'string', description: 'workloads with this in their name' },
  out: { type: 'string', description: 'the file to update; kernels/tuned.json if omitted' },
  help: { type: 'boolean', description: 'this text' },
} as const satisfies ArgsDef;

const HELP = `Searches the fastest variant and sizes of each kernel at the sizes of models, on this adapter.

${Object.entries(ARGS).map(([name, { description }]) => `  --${name.padEnd(6)} ${description}`).join('\n')}
`;

async function main(raw: readonly string[]): Promise<number> {
  try {
    const flags = flagsOf('tune', ARGS, { least: 0, most: 0, name: 'word' }, raw, 'npm run tune -- --help');
    if (flags.is('help')) {
      process.stdout.write(HELP);
      return 0;
    }
    await tune(flags.text('room'), flags.text('case'), flags.text('out') ?? SHIPPED);
    return 0;
  } catch (error) {
    process.stderr.write(explain(error, raw.includes('--debug')));
    return exitCodeOf(error);
  }
}

async function tune(roomName: string | undefined, caseName: string | undefined, path: string): Promise<void> {
  const earlier = existsSync(path) ? parseTunings(readFileSync(path, 'utf8'), path) : [];
  await using gpu = await open();
  requireTunable(gpu.name, gpu.candidates.machine);
  const roofs = new RoofKernels(gpu, new DispatchClock(gpu));
  const findings: Finding[] = [];
  for (const room of rooms.filter(({ name }) => roomName === undefined || name === roomName)) {
    const workloads = workloadsFor(gpu, room).filter(({ name }) => caseName === undefined || name.includes(caseName));
    for await (const finding of searchRoom(gpu, roofs, room, workloads)) {
      findings.push(finding);
      const { kernel, callClass, workload, direction, best, gain } = finding;
      // what was found stays if the search is stopped
      writeFileSync(path, tuningsText(withFindings(earlier, gpu.candidates.machine, findings)));
      console.log(
        `${workload}, ${direction}: ${kernel}: ${callClass}: ${candidateText(best)}, ${gain.toFixed(2)} × the default`,
      );
    }
  }
  roofs.dispose();
  if (findings.length === 0) {
    throw new FirstlightError('FL_USAGE', `nothing to choose in room ${roomName ?? 'any'}, case ${caseName ?? 'any'}`,
      {}, `there are the rooms ${rooms.map(({ name }) => name).join(', ')}`);
  }
  console.log(`\n${tableOf(findings)}\n\nwrote ${path}`);
}

function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map(({ kernel, callClass, candidates, best, gain, standardTime, bestTime }) => [
    kernel,
    callClass,
    candidateText(candidates[0]),
    duration(standardTime),
    best === candidates[0] ? 'the same' : candidateText(best),
    duration(bestTime),
    `${gain.toFixed(2)} ×`,
  ]);
  return markdownTable(['kernel', 'calls', 'default', 'time', 'tuned', 'time', 'gain'], rows);
}

process.exitCode = await main(process.argv.slice(2));
