/** PyTorch's results beside Firstlight's: what is read, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { spreadOf } from '../bench/statistics.ts';
import { CLIPS } from '../bench/step.ts';
import { besideText, readMeasured } from '../bench/torch/beside.ts';
import { KERNEL_PAIRS, STEP_PAIRS } from '../bench/torch/pairs.ts';
import { rooms } from '../kernels/index.ts';
import { headsName, productName, rowsName } from '../kernels/shared/shape_name.ts';

const GPU = 'NVIDIA H100 80GB HBM3';

/** A folder that holds the given files. */
function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-torch-'));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const torch = (gpu: string, rows: readonly object[]) => ({ env: { torch: '2.9.0', device: 'cuda', gpu }, rows });
const ours = (kind: string, rows: readonly object[], adapter = GPU) => ({ format: 3, kind, environment: { adapter },
  commit: 'abc', date: '', command: '', rows });
const kernelRow = (variant: string, direction: string, milliseconds: number, type = 'f32') => ({
  room: 'attention',
  case: '96 heads, 197 tokens of 64',
  variant,
  direction,
  type,
  gpu: spreadOf([milliseconds * 1e6]),
});
const stepRow = (precision: string, inARow: number) => ({ preset: 'B/32', batch: 8, classes: 400, trainText: false,
  recompute: false, precision, pass: 'training step', inARow, peakBytes: 2 ** 31 });

const cellsOf = (text: string, name: string) =>
  text.split('\n').find((line) => line.startsWith(`| ${name} `))?.split('|').slice(1, -1).map((cell) => cell.trim());

test('rates of both sides are counted alike, the fastest variant stands for ours, and what is not measured stays empty', () => {
  const folder = folderOf({
    'torch.json': torch(GPU, [
      { case: 'sdpa 96 heads, 197 tokens of 64 fwd', variant: 'fp32/eager', ms_median: 2 },
      { case: 'sdpa 96 heads, 197 tokens of 64 fwd', variant: 'bf16/eager', ms_median: 1 },
      { case: 'sdpa 96 heads, 197 tokens of 64 fwd+bwd', variant: 'fp32/eager', notes: 'skipped: out of time' },
      { case: 'X-CLIP-B/32 8f step, text frozen and cached B=8', variant: 'fp32/eager', ms_median: 80, peak_gib: 3 },
      { case: 'X-CLIP-B/32 8f step, text frozen and cached B=8', variant: 'bf16/eager', ms_median: 40, peak_gib: 2 },
    ]),
    'kernels.json': ours('kernels', [kernelRow('tile', 'forward', 4), kernelRow('quad', 'forward', 1),
      kernelRow('tile', 'gradient', 3)]),
    'kernels_f16.json': ours('kernels', [kernelRow('matrix', 'forward', 0.5, 'f16')]),
    'step.json': ours('step', [stepRow('f32', 160), stepRow('f16', 20)]),
    'peers.json': ours('peers', []),
  });
  const text = besideText(readMeasured(folder));
  rmSync(folder, { recursive: true });
  const flops = 96 * 197 * 197 * 64;
  const rate = (count: number, milliseconds: number) => (count * flops / milliseconds / 1e9).toPrecision(3);
  assert.equal(cellsOf(text, 'attention, 96 heads, 197 tokens of 64'), ['attention, 96 heads, 197 tokens of 64',
    '4·BH·S²·D', 'TFLOP/s', rate(4, 2), rate(4, 1), '2.00 ×', '', rate(4, 0.5), '']);
  assert.equal(cellsOf(text, 'attention, 96 heads, 197 tokens of 64, with gradient')?.slice(3), ['', rate(14, 4), '',
    '', '', '']);
  assert.equal(cellsOf(text, 'training step, B/32, 8 clips')?.slice(2), ['100', '50.0', '0.50 ×', '200', '400',
    '2.00 ×']);
  assert.ok(text.includes('GiB at most'));
  assert.equal(
    text.split('\n').filter((line) => line.startsWith('| training step, B/32, 8 clips ')).at(-1)?.split('|').slice(2,
      -1).map((cell) => cell.trim()),
    ['3.00', '2.00', '2.00', '2.00'],
  );
});

test('each pair is measured here: a workload of its room, and a step that --step takes on a GPU', () => {
  for (const { room, case: name } of KERNEL_PAIRS) {
    const { workloads } = rooms.find((each) => each.name === room) ?? { workloads: [] };
    assert.ok(workloads.some((workload) => workload.name === name), `${room}: ${name}`);
  }
  for (const { what, preset, batch } of STEP_PAIRS) assert.is(CLIPS[preset]?.hardware, batch, what);
  // names in reference.py are put together from these
  const script = readFileSync(new URL('../bench/torch/reference.py', import.meta.url), 'utf8');
  for (const part of ['f"matmul {product_name(m, k, n)} {form}"', 'f"roof matmul {product_name(n, n, n)}"',
    'f"sdpa {heads_name(h, q, d)}"', 'f"{name} {rows_name(*shape)} {kind}"', '"layer_norm"', '"quickgelu"',
    '"softmax-CE soft labels"', '"step, text frozen and cached"', '"forward, cached text"']) {
    assert.ok(script.includes(part), part);
  }
});

test('a shape is spelled alike in workloads and in PyTorch’s script', () => {
  const script = readFileSync(new URL('../bench/torch/reference.py', import.meta.url), 'utf8');
  /** What the last f-string of a function of the script makes of some numbers. */
  const inPython = (name: string, ...values: number[]) => {
    const [, parameters, body] = new RegExp(`def ${name}\\(([^)]*)\\):\n([^]*?)\n\n`).exec(script) ?? [];
    const numbers = new Map(parameters.split(', ').map((parameter, i) => [parameter, values[i]]));
    return [...body.matchAll(/f"([^"]*)"/g)].at(-1)?.[1].replace(/\{(\w+)\}/g,
      (_, parameter: string) => String(numbers.get(parameter)));
  };
  assert.is(productName(2, 3, 5), inPython('product_name', 2, 3, 5));
  assert.is(rowsName(2, 3), inPython('rows_name', 2, 3));
  assert.is(headsName(2, 3, 5), inPython('heads_name', 2, 3, 5));
  assert.is(productName(2, 2, 2), '2³');
  assert.match(script, 'f"{rows}³" if rows == inner == columns');

  const workload = (room: string, name: string) =>
    rooms.find((each) => each.name === room)?.workloads.find((one) => one.name === name)?.make().inputs ?? {};
  assert.equal(workload('matmul', `B/32 fc1: ${productName(408, 768, 3072)}`).weight.shape, [3072, 768]);
  assert.equal(workload('matmul', productName(512, 512, 512)).b.shape, [512, 512]);
  assert.equal(workload('layernorm', `B/32: ${rowsName(400, 768)}`).x.shape, [400, 768]);
  assert.equal(workload('attention', headsName(12, 197, 64)).key.shape, [1, 12, 197, 64]);
});

test('a folder that lacks a side, holds two machines or a broken file is refused, and told why', () => {
  const refused = (files: Readonly<Record<string, unknown>>, message: RegExp) => {
    const folder = folderOf(files);
    assert.throwsWith(() => readMeasured(folder), message);
    rmSync(folder, { recursive: true });
  };
  refused({ 'kernels.json': ours('kernels', []) }, /holds nothing of PyTorch/);
  refused({ 'torch.json': torch(GPU, []) }, /holds nothing of Firstlight/);
  refused({ 'torch.json': torch('NVIDIA A100', []), 'kernels.json': ours('kernels', []) },
    /PyTorch 2\.9\.0 on NVIDIA A100, Firstlight on NVIDIA H100/);
  refused({ 'torch.json': torch(GPU, []), 'a.json': ours('kernels', []), 'b.json': ours('kernels', [], 'NVIDIA L4') },
    /measurements of/);
  refused({ 'torch.json': '{' }, /torch\.json: /);
  assert.throwsWith(() => readMeasured('/nowhere'), /\/nowhere: .*no such file/);
});

test.run();
