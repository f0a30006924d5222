/**
 * What a first run compiles: the programs of a training step, by room.
 *
 *   npm run bench -- --cold                     the step of tiny whose texts learn, as `npm start` has it
 *   npm run bench -- --cold --preset B/32
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FirstlightError, open } from '../engine/index.ts';
import { tuned } from '../kernels/tuned.ts';
import { PRESETS } from '../model/systems/config.ts';
import type { Flags } from '../train/cli/flags.ts';
import { digits, markdownTable } from '../train/log/table.ts';
import { pageOf } from './shares.ts';
import { trainingStep } from './training_step.ts';

/** Programs of a room, or all of them. */
interface ColdRow {
  readonly name: string;
  readonly programs: number;
  /** Of their texts. */
  readonly bytes: number;
  /** Of a processor, to compile them with nothing in the driver's cache. */
  readonly seconds: number;
}

function tableOf(rows: readonly ColdRow[]): string {
  return markdownTable(['room', 'programs', 'KB of WGSL', 'processor seconds'], rows.map((
    { name, programs, bytes, seconds },
  ) => [name, String(programs), (bytes / 1000).toFixed(0), digits(seconds)]));
}

/** Compiles the programs of a step with an empty cache, and tells what each room takes. */
export async function benchCold(flags: Flags): Promise<number> {
  const preset = flags.text('preset') === undefined
    ? 'tiny'
    : flags.oneOf('preset', Object.keys(PRESETS) as (keyof typeof PRESETS)[]);
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-cold-'));
  process.env.MESA_SHADER_CACHE_DIR = folder; // read when the driver makes a device
  try {
    await using gpu = await open({ tuning: tuned, warms: 1 });
    const programs = gpu.warm(() =>
      void trainingStep(gpu, { preset, batch: 16, classes: 120, trainText: preset === 'tiny', recompute: false,
        precision: 'f32' }).captured.run()
    );
    if (programs.length === 0) {
      throw new FirstlightError('FL_FEATURE',
        `${gpu.name} compiles no program later than when it is made, or has no cache of them`, {},
        'npm run bench has a column "compile" for every adapter');
    }
    const rows = new Map<string, ColdRow>();
    for (const { label, program, seconds } of programs) {
      const name = pageOf(label);
      const { programs: count, bytes, seconds: before } = rows.get(name) ?? { programs: 0, bytes: 0, seconds: 0 };
      rows.set(name, { name, programs: count + 1, bytes: bytes + program.code.length,
        seconds: before + (await seconds) });
    }
    const sorted = [...rows.values()].sort((a, b) => b.seconds - a.seconds);
    const sum = (key: 'programs' | 'bytes' | 'seconds') => sorted.reduce((total, row) => total + row[key], 0);
    console.log(
      `${gpu.name}\na training step of ${preset}\n\n${
        tableOf([...sorted, { name: 'all', programs: sum('programs'), bytes: sum('bytes'), seconds: sum('seconds') }])
      }`,
    );
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
