/**
 * The benchmark.
 *
 *   npm run bench                                  every kernel × case × variant
 *   npm run bench -- --room layernorm --models     one room, at the sizes of models
 *   npm run bench -- --step                        X-CLIP tiny, B/32, B/16, other systems: forward, and a training step
 *   npm run bench -- --cold                        what a first run compiles: programs, by room
 *   npm run bench -- --ratios                      convolutions beside linear layers, batch norm beside layer norm,
 *   attention of windows beside plain
 *   npm run bench -- --published                   networks at full size: a forward pass, its memory and its estimate
 *   npm run bench -- --data                        clips decoded per second, by codec, size and number of threads
 *   npm run bench -- --ranks                       two ranks: exchanges, what a step has of them, what they bring
 *   npm run bench -- --peers                       the same tasks by other libraries, on the same adapter
 *   npm run bench -- --processor                   the same tasks by libraries on the processor, on a software adapter
 *   npm run bench -- --torch FOLDER                PyTorch's results and these, side by side
 *   npm run bench -- --growth                      time and memory against clips, frames, tokens and class names
 *   npm run bench -- --counts                      what training steps ask of the device: no clock; with --compare, too
 *   npm run bench -- --compare FILE                and whether anything became slower since FILE
 *   npm run bench -- --pages FOLDER                makes MEASURED.md of rooms and benchmark, and README.md's table,
 *   from results
 */
import type { ArgsDef } from 'citty';
import type { FloatType } from '../engine/index.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { flagsOf } from '../train/cli/flags.ts';
import { benchCounts } from './counts.ts';
import { benchKernels } from './kernels/command.ts';
import { benchCold } from './cold.ts';
import { benchData } from './data.ts';
import { benchGrowth } from './growth.ts';
import { writePages } from './pages.ts';
import { benchPeers } from './peers/command.ts';
import { benchProcessor } from './peers/processor.ts';
import { benchPublished } from './published.ts';
import { benchRanks } from './ranks/command.ts';
import { benchRatios } from './ratios/command.ts';
import { benchStep, STEP_ARGS } from './step.ts';
import { showBeside } from './torch/beside.ts';

const ARGS = {
  room: { type: 'string', description: 'one room: matmul, attention, …' },
  case: { type: 'string', description: 'cases with this in their name' },
  variant: { type: 'string', description: 'one variant: subgroup, tile, …' },
  models: { type: 'boolean', description: 'sizes of models alone, none of the awkward sizes of the tests' },
  dtype: { type: 'string', default: 'f32', description: 'how tensors are stored: f32, f16, or both, taking turns' },
  json: { type: 'string', description: 'write the results to this file' },
  compare: { type: 'string',
    description: 'tell what became slower since this file was written, and exit with 1 if anything did' },
  pages: { type: 'string',
    description: 'make the pages of measurements from the results in this folder, and measure nothing' },
  peers: { type: 'boolean', description: 'other libraries on the same adapter; installs them on first use' },
  processor: { type: 'boolean',
    description: 'on a software adapter: ONNX Runtime and PyTorch on the processor itself, on one thread and on all' },
  peer: { type: 'string', description: 'with --peers: libraries with this in their name' },
  torch: { type: 'string',
    description:
      'a folder with results of reference.py and of this benchmark: PyTorch and Firstlight on the same GPU, side by side' },
  data: { type: 'boolean',
    description: 'how fast clips are decoded, by codec, size and number of threads, and what that costs a step' },
  step: { type: 'boolean', description: 'models: forward, and a training step' },
  cold: { type: 'boolean',
    description: 'what a first run compiles, by room; with --preset for another model than tiny' },
  ratios: { type: 'boolean',
    description: 'convolutions beside linear layers, batch norm beside layer norm, attention of windows beside plain' },
  ranks: { type: 'boolean',
    description: 'two ranks of MPI; --case exchanges, parts, speed or line for one of what is measured' },
  published: { type: 'boolean',
    description: 'networks at full size: a forward pass, its memory beside the estimate; with --system one of them' },
  counts: { type: 'boolean',
    description:
      'dispatches, programs, bytes, submits and allocations of training steps; with --compare: what is more' },
  growth: { type: 'boolean', description: 'time and memory of a training step against clips, frames, tokens, names' },
  ...STEP_ARGS,
  help: { type: 'boolean', description: 'this text' },
} as const satisfies ArgsDef;

const TYPES: Readonly<Record<string, readonly FloatType[]>> = { f32: ['f32'], f16: ['f16'], both: ['f32', 'f16'] };

const HELP = `Times every kernel on this adapter, beside roofs that are measured in the same run.

${Object.entries(ARGS).map(([name, { description }]) => `  --${name.padEnd(12)} ${description}`).join('\n')}

Without filters the results go to bench/results/<adapter>/: kernels.json, roofline.svg, report.html.
`;

async function main(raw: readonly string[]): Promise<number> {
  try {
    const flags = flagsOf('bench', ARGS, { least: 0, most: 0, name: 'word' }, raw, 'npm run bench -- --help');
    if (flags.is('help')) {
      process.stdout.write(HELP);
      return 0;
    }
    const command = ['npm run bench', ...(raw.length > 0 ? ['--', ...raw] : [])].join(' ');
    const folder = flags.text('torch');
    if (folder !== undefined) return showBeside(folder);
    const published = flags.text('pages');
    if (published !== undefined) return writePages(published);
    if (flags.is('data')) return await benchData(flags.text('json'));
    if (flags.is('cold')) return await benchCold(flags);
    if (flags.is('ratios')) return await benchRatios(flags.text('case'));
    if (flags.is('ranks')) {
      return await benchRanks({ only: flags.text('case'), json: flags.text('json'), command });
    }
    if (flags.is('published')) return await benchPublished(flags);
    if (flags.is('step')) return await benchStep(flags, command);
    if (flags.is('growth')) return await benchGrowth(flags.text('json'), command);
    if (flags.is('counts')) {
      return await benchCounts({ compare: flags.text('compare'), json: flags.text('json'), command });
    }
    if (flags.is('processor')) {
      return await benchProcessor({ case: flags.text('case'), json: flags.text('json'), command });
    }
    if (flags.is('peers')) {
      return await benchPeers({ case: flags.text('case'), peer: flags.text('peer'), json: flags.text('json'),
        command });
    }
    return await benchKernels({
      room: flags.text('room'),
      case: flags.text('case'),
      variant: flags.text('variant'),
      models: flags.is('models'),
      types: TYPES[flags.oneOf('dtype', ['f32', 'f16', 'both'])],
      json: flags.text('json'),
      compare: flags.text('compare'),
      command,
    });
  } catch (error) {
    process.stderr.write(explain(error, raw.includes('--debug')));
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
