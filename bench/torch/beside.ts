/**
 * `npm run bench -- --torch FOLDER`: what reference.py measured of PyTorch, beside what Firstlight measured on the same
 * GPU.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FirstlightError, type FloatType } from '../../engine/index.ts';
import { KIND as KERNELS, type KernelData } from '../kernels/data.ts';
import type { Row } from '../kernels/row.ts';
import type { Heading } from '../result_text.ts';
import { folderName, readResults } from '../results.ts';
import type { StepResults, StepRow } from '../step.ts';
import { digits, markdownTable } from '../../train/log/table.ts';
import { KERNEL_PAIRS, type KernelPair, STEP_PAIRS, type StepPair } from './pairs.ts';

/** A row of reference.py: milliseconds, with the peak of the memory for a model. Without them it was skipped. */
interface TorchRow {
  readonly case: string;
  /** Precision and how it was run: "fp32/eager". */
  readonly variant: string;
  readonly ms_median?: number;
  readonly peak_gib?: number;
}

interface TorchFile {
  readonly env: { readonly torch: string; readonly device: string; readonly gpu?: string; readonly cpu?: string };
  readonly rows: readonly TorchRow[];
}

/** All files of a folder, each by what is in it. */
export interface Measured {
  readonly torch: readonly TorchRow[];
  readonly kernels: readonly Row[];
  readonly steps: readonly StepRow[];
  /** What PyTorch ran on, and Firstlight. */
  readonly machines: readonly string[];
}

const BYTES: Readonly<Record<FloatType, number>> = { f32: 4, f16: 2 };
/** How PyTorch's rows are named that stand beside a type of ours: operations in f16, models by autocast to bf16. */
const TORCH_KERNEL: Readonly<Record<FloatType, RegExp>> = { f32: /^fp32\/(eager|fused)$/, f16: /^fp16\/eager$/ };
const TORCH_STEP: Readonly<Record<FloatType, RegExp>> = { f32: /^fp32\/eager$/, f16: /^bf16\/eager$/ };

const TYPES: readonly FloatType[] = ['f32', 'f16'];

/** @throws {FirstlightError} if the folder lacks a side, or holds measurements of two machines */
export function readMeasured(folder: string): Measured {
  const [torch, kernels, steps]: [TorchRow[], Row[], StepRow[]] = [[], [], []];
  const [gpus, adapters, versions] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const path of filesOf(folder)) {
    const content = parsed(path);
    if ('env' in content) {
      torch.push(...content.rows);
      gpus.add(content.env.gpu ?? content.env.device);
      versions.add(`PyTorch ${content.env.torch} on ${content.env.gpu ?? content.env.cpu ?? content.env.device}`);
    } else if (content.kind === KERNELS) {
      const results = readResults<KernelData>(path, KERNELS);
      kernels.push(...results.rows);
      adapters.add(results.environment.adapter);
    } else if (content.kind === 'step') {
      const results = readResults<StepResults>(path, 'step');
      steps.push(...results.rows);
      adapters.add(results.environment.adapter);
    }
  }
  if (gpus.size === 0 || adapters.size === 0) {
    const [side, command] = gpus.size === 0
      ? ['PyTorch', 'python3 bench/torch/reference.py --json FOLDER/torch.json']
      : ['Firstlight', 'npm run bench -- --models --json FOLDER/kernels.json'];
    throw new FirstlightError('FL_RESULTS', `${folder}: holds nothing of ${side}`, { folder },
      `measure it into that folder: ${command}`);
  }
  const machines = [...versions, ...[...adapters].map((adapter) => `Firstlight on ${adapter}`)];
  // a processor is named differently by PyTorch and by the adapter that it plays
  const isOne = gpus.size === 1 && adapters.size === 1
    && [...gpus].every((gpu) =>
      gpu === 'cpu' || [...adapters].every((adapter) => folderName(adapter).includes(folderName(gpu)))
    );
  if (!isOne) {
    throw new FirstlightError('FL_RESULTS', `${folder}: holds measurements of ${machines.join(', ')}`, { folder },
      'times can be compared on one machine only: a folder for each');
  }
  return { torch, kernels, steps, machines };
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json')).sort().map((name) => join(folder, name));
  } catch (error) {
    throw new FirstlightError('FL_RESULTS', `${folder}: ${error instanceof Error ? error.message : error}`, { folder },
      'name a folder with results of both sides');
  }
}

function parsed(path: string): TorchFile | Heading {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TorchFile | Heading;
  } catch (error) {
    throw new FirstlightError('FL_RESULTS', `${path}: ${error instanceof Error ? error.message : error}`, { path },
      'measure it again');
  }
}

/** A time or a rate; undefined where a side has not measured it. */
type Known = number | undefined;

/** Milliseconds of all named rows together, in the variant that the pattern names. */
function torchMilliseconds({ torch }: Measured, names: readonly string[], variant: RegExp): Known {
  const times = names.map((name) => torch.find((row) => row.case === name && variant.test(row.variant))?.ms_median);
  return times.every((time) => time !== undefined)
    ? times.reduce((sum: number, time) => sum + (time as number), 0)
    : undefined;
}

/** Milliseconds of the variant that takes the least. */
function kernelMilliseconds({ kernels }: Measured, pair: KernelPair, type: FloatType): Known {
  const rows = kernels.filter((row) => row.room === pair.room && row.case === pair.case && row.type === type);
  const times = pair.directions.map((direction) =>
    Math.min(...rows.filter((row) => row.direction === direction).map(({ gpu }) => gpu.median))
  );
  const total = times.reduce((sum, time) => sum + time, 0) / 1e6;
  return Number.isFinite(total) ? total : undefined;
}

function kernelRates(measured: Measured, pair: KernelPair, type: FloatType): readonly [Known, Known] {
  if (pair.isWide === true && type === 'f16') return [undefined, undefined];
  const scale = pair.unit === 'GB/s' ? BYTES[type] / 1e6 : 1e-9;
  const rate = (work: number, milliseconds: Known) => milliseconds && (work * scale) / milliseconds;
  return [
    rate(pair.work.torch, torchMilliseconds(measured, pair.torch, TORCH_KERNEL[type])),
    rate(pair.work.ours, kernelMilliseconds(measured, pair, type)),
  ];
}

function stepOf({ steps }: Measured, { preset, batch, trainText, pass }: StepPair, type: FloatType):
  | StepRow
  | undefined {
  return steps.find((row) =>
    (row.system ?? 'xclip') === 'xclip' && row.preset === preset && row.batch === batch &&
    row.trainText === trainText && row.pass === pass
    && row.precision === type && !row.recompute
  );
}

/** Clips a second, of passes that follow one another without waiting. */
function stepRates(measured: Measured, pair: StepPair, type: FloatType): readonly [Known, Known] {
  const row = stepOf(measured, pair, type);
  const milliseconds = torchMilliseconds(measured, pair.torch, TORCH_STEP[type]);
  return [milliseconds && (1000 * pair.batch) / milliseconds, row && (1000 * pair.batch) / row.inARow];
}

/** Two rates and how they stand to each other: ours over PyTorch's. */
function cells([torch, ours]: readonly [Known, Known]): readonly string[] {
  return [torch === undefined ? '' : digits(torch), ours === undefined ? '' : digits(ours),
    torch === undefined || ours === undefined ? '' : `${(ours / torch).toFixed(2)} ×`];
}

const GIB = 2 ** 30;

/** The tables: operations, models, and memory of the models' steps. */
export function besideText(measured: Measured): string {
  const kernels = KERNEL_PAIRS.map((
    pair,
  ) => [pair.what, pair.counted, pair.unit, ...TYPES.flatMap((type) => cells(kernelRates(measured, pair, type)))]);
  const steps = STEP_PAIRS.map((
    pair,
  ) => [pair.what, pair.counted, ...TYPES.flatMap((type) => cells(stepRates(measured, pair, type)))]);
  const memory = STEP_PAIRS.filter(({ pass }) => pass === 'training step').map((
    pair,
  ) => [pair.what, ...TYPES.flatMap((type) => {
    const torch = measured.torch.find((row) => row.case === pair.torch[0] && TORCH_STEP[type].test(row.variant))
      ?.peak_gib;
    const ours = stepOf(measured, pair, type)?.peakBytes;
    return [torch === undefined ? '' : digits(torch), ours === undefined ? '' : digits(ours / GIB)];
  })]);
  return [
    markdownTable(['operation', 'counted', 'unit', 'PyTorch f32', 'Firstlight f32', '', 'PyTorch f16', 'Firstlight f16',
      ''], kernels),
    markdownTable(['X-CLIP, 8 frames, clips/s', 'texts', 'PyTorch f32', 'Firstlight f32', '', 'PyTorch bf16',
      'Firstlight f16', ''], steps),
    markdownTable(['GiB at most', 'PyTorch f32', 'Firstlight f32', 'PyTorch bf16', 'Firstlight f16'], memory),
  ].join('\n\n');
}

/** Prints them. */
export function showBeside(folder: string): number {
  const measured = readMeasured(folder);
  console.log(`${measured.machines.join('\n')}\n\n${besideText(measured)}`);
  return 0;
}
