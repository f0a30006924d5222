/**
 * What operations refuse: of each operand by itself every shape that does not fit the others, in every rank and extent
 * that is looked at. What fits is taken. On a device that runs nothing.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type AnyTensor, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import { adamw, HYPER_COLUMNS } from '../kernels/adamw/index.ts';
import { attention, crossAttention, partitionOf, selfAttention, windowAttention } from '../kernels/attention/index.ts';
import { batchNorm, fixedBatchNorm } from '../kernels/batchnorm/index.ts';
import { blend, blendTargets, MIX } from '../kernels/blend/index.ts';
import { colour, TABLE_COLUMNS as COLOURING } from '../kernels/colour/index.ts';
import { convolution } from '../kernels/convolution/index.ts';
import { crossEntropy, crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { DRAW, dropout, dropPath } from '../kernels/dropout/index.ts';
import { embedding, indexSelect, tokenIds } from '../kernels/embedding/index.ts';
import { frames, TABLE_COLUMNS as VIEW } from '../kernels/frames/index.ts';
import { gather, scatterAdd } from '../kernels/gather/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { mseLoss } from '../kernels/losses/index.ts';
import { linear, matmul, mlp } from '../kernels/matmul/index.ts';
import { patchify } from '../kernels/patchify/index.ts';
import { concat, prepend } from '../kernels/rearrange/index.ts';
import { rmsnorm } from '../kernels/rmsnorm/index.ts';
import { sgd, SGD_COLUMNS } from '../kernels/sgd/index.ts';
import { CONTROL_SIZE, MEASURED, STATE, stepControl } from '../kernels/shared/step_control.ts';
import { temporalShift } from '../kernels/temporal_shift/index.ts';
import { patchMerge, windowPartition, windowReverse } from '../kernels/windows/index.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu();

/** An operation, operands that fit, and for each of them shapes that do not. */
interface Call {
  readonly op: string;
  readonly fits: Readonly<Record<string, Shape>>;
  /** Others that are taken as well, one at a time. */
  readonly alsoFits?: Readonly<Record<string, readonly Shape[]>>;
  readonly refused: Readonly<Record<string, readonly Shape[]>>;
  // oxlint-disable-next-line no-explicit-any -- operands of either type
  readonly run: (operands: any) => unknown;
}

/** Operands that hold whole numbers. */
const WHOLE = ['labels', 'partner', 'index', 'table of views', 'table of colourings', 'packed', 'draw', 'groups',
  'state', 'batches'];

function operandsOf(shapes: Readonly<Record<string, Shape>>): Record<string, AnyTensor> {
  return Object.fromEntries(
    Object.entries(shapes).map((
      [name, shape],
    ) => [name, Tensor.empty(gpu, shape, WHOLE.includes(name) ? 'u32' : 'f32', name)]),
  );
}

const recipe = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
const partition = partitionOf([2, 4, 6, 1], { window: [2, 3] });
const column = (size: number): Shape[] => [[size + 1], [size - 1], [1, size], [size, 1]];

const norm = { refused: { weight: column(8), bias: column(8) }, fits: { x: [6, 8], weight: [8], bias: [8] } };
const arena = { values: [2048], grads: [2048], shadow: [2048], groups: [2], control: [CONTROL_SIZE] };
const notArena = { grads: [[2047], [2049]], groups: [[1], [3]], control: [[CONTROL_SIZE - 1], [CONTROL_SIZE + 1]] };

const calls: readonly Call[] = [
  {
    op: 'blend',
    fits: { x: [3, 4, 5], partner: [3], mix: [MIX.words] },
    alsoFits: { x: [[3, 2, 4, 5], [3, 7]] },
    refused: { x: [[3], [4, 4, 5]], partner: [[2], [4]], mix: [[MIX.words - 1], [MIX.words + 1]] },
    run: ({ x, partner, mix }) => blend(x, partner, mix),
  },
  {
    op: 'blendTargets',
    fits: { labels: [3], partner: [3], mix: [MIX.words] },
    refused: { labels: [[3, 1], [2], [4]], partner: [[2], [4]], mix: [[MIX.words - 1], [MIX.words + 1]] },
    run: ({ labels, partner, mix }) => blendTargets(labels, partner, mix, { classes: 1, smoothing: 0 }),
  },
  {
    op: 'colour',
    fits: { rgb: [2, 3, 8, 8], 'table of colourings': [2, COLOURING], into: [2, 3, 8, 8] },
    alsoFits: { into: [[384]] },
    refused: {
      rgb: [[2, 4, 8, 8], [2, 3, 64], [6, 8, 8], [2, 3, 8, 8, 1]],
      'table of colourings': [[1, COLOURING], [2, COLOURING - 1], [2, COLOURING + 1]],
      into: [[2, 3, 8, 7], [3, 3, 8, 8]],
    },
    run: ({ rgb, into, 'table of colourings': table }) => colour(rgb, table, recipe, into),
  },
  {
    op: 'frames',
    fits: { packed: [64], 'table of views': [2, VIEW], into: [2, 3, 5, 5] },
    alsoFits: { into: [[150]] },
    refused: { 'table of views': [[2, VIEW - 1], [2, VIEW + 1], [2 * VIEW], [1, VIEW, 2], [2, VIEW, 1]],
      into: [[2, 3, 5, 4], [1, 3, 5, 5], [2, 3, 5, 6]] },
    run: ({ packed, into, 'table of views': table }) => frames(packed, table, { ...recipe, size: 5 }, into),
  },
  {
    op: 'crossEntropy',
    fits: { logits: [3, 5], target: [3, 5] },
    refused: { logits: [[2, 5], [3, 4], [15]], target: [[5, 3], [15], [3, 5, 1]] },
    run: ({ logits, target }) => crossEntropy(logits, target),
  },
  {
    op: 'crossEntropy',
    fits: { logits: [3, 5], target: [3, 5] },
    refused: {},
    run: ({ logits, target }) => {
      assert.throwsWith(() => crossEntropy(logits.reshape([15]), target.reshape([15])), ShapeError,
        'crossEntropy: logits are [15], targets [15]; both must be [rows, classes]');
      return assert.throwsWith(() => crossEntropy(logits.reshape([3, 5, 1]), target.reshape([3, 5, 1])), ShapeError,
        /logits are \[3,5,1\]/);
    },
  },
  {
    op: 'crossEntropyWithLabels',
    fits: { logits: [3, 5], labels: [3] },
    alsoFits: { labels: [[3, 1]] },
    refused: { logits: [[4, 5], [3], [3, 5, 1]], labels: [[2], [4]] },
    run: ({ logits, labels }) => crossEntropyWithLabels(logits, labels),
  },
  {
    op: 'dropout',
    fits: { x: [7], draw: [DRAW.words] },
    refused: { draw: [[DRAW.words - 1], [DRAW.words + 1]] },
    run: ({ x, draw }) => dropout(x, 0.5, { state: draw, layer: 0 }),
  },
  {
    op: 'dropPath',
    fits: { x: [3, 4], draw: [DRAW.words] },
    refused: { x: [[12]], draw: [[DRAW.words - 1]] },
    run: ({ x, draw }) => dropPath(x, 0.5, { state: draw, layer: 0 }, 1),
  },
  {
    op: 'embedding',
    fits: { table: [5, 4] },
    refused: { table: [[20], [5, 4, 1]] },
    run: ({ table }) => embedding(table, tokenIds(gpu, Uint32Array.of(4, 0), [2])),
  },
  {
    op: 'indexSelect',
    fits: { x: [3, 5, 4], index: [3] },
    refused: { x: [[3, 20], [3, 5, 4, 1], [2, 5, 4]], index: [[2], [4], [3, 1], [1, 3]] },
    run: ({ x, index }) => indexSelect(x, index),
  },
  {
    op: 'gather',
    fits: { x: [3, 5, 4], index: [3, 7, 4] },
    alsoFits: { index: [[3, 1, 4], [2, 7, 3]] },
    refused: { x: [[2, 5, 4], [3, 5, 3], [15, 4]], index: [[4, 7, 4], [3, 7, 5], [3, 7], [3, 7, 4, 1]] },
    run: ({ x, index }) => gather(x, 1, index),
  },
  {
    op: 'scatterAdd',
    fits: { x: [3, 5, 4], index: [3, 7, 4], source: [3, 7, 4] },
    refused: { x: [[2, 5, 4]], index: [[4, 7, 4], [3, 6, 4]], source: [[3, 7, 3], [7, 3, 4], [84]] },
    run: ({ x, index, source }) => scatterAdd(x, 1, index, source),
  },
  {
    op: 'layernorm',
    ...norm,
    run: ({ x, weight, bias }) => layernorm(x, weight, bias),
  },
  {
    op: 'layernorm',
    fits: { x: [2, 3, 8], weight: [8], bias: [8], appended: [2, 8] },
    refused: { x: [[6, 8], [2, 3, 1, 8], [3, 2, 8]], weight: column(8), bias: column(8),
      appended: [[3, 8], [2, 7], [8]] },
    run: ({ x, weight, bias, appended }) => layernorm(x, weight, bias, { appended }),
  },
  {
    op: 'rmsnorm',
    fits: { x: [6, 8], weight: [8] },
    refused: { x: [[6, 7], [48]], weight: column(8) },
    run: ({ x, weight }) => rmsnorm(x, weight),
  },
  {
    op: 'batchNorm',
    fits: { ...norm.fits, 'running mean': [8], 'running variance': [8], batches: [1] },
    alsoFits: { batches: [[]], x: [[2, 8]] },
    refused: { ...norm.refused, x: [[8], [6, 7]], 'running mean': column(8), 'running variance': column(8),
      batches: [[2]] },
    run: ({ x, weight, bias, 'running mean': mean, 'running variance': variance, batches }) =>
      batchNorm(x, weight, bias, { running: { mean, variance, batches } }),
  },
  {
    op: 'fixedBatchNorm',
    fits: { ...norm.fits, mean: [8], variance: [8] },
    alsoFits: { x: [[8]] },
    refused: { ...norm.refused, mean: column(8), variance: column(8) },
    run: ({ x, weight, bias, mean, variance }) => fixedBatchNorm(x, weight, bias, { mean, variance }),
  },
  {
    op: 'mseLoss',
    fits: { x: [3, 4], target: [3, 4] },
    refused: { x: [[4, 3]], target: [[12], [3, 4, 1], [3]] },
    run: ({ x, target }) => mseLoss(x, target),
  },
  {
    op: 'linear',
    fits: { x: [2, 3, 8], weight: [5, 8], bias: [5], residual: [2, 3, 5] },
    refused: { x: [[2, 3, 7], [2, 8, 3]], weight: [[8, 5], [40], [5, 8, 1], [1, 5, 8]], bias: column(5),
      residual: [[6, 5], [3, 2, 5], [2, 3, 4], [2, 3, 5, 1]] },
    run: ({ x, weight, bias, residual }) => linear(x, weight, { bias, residual }),
  },
  {
    op: 'mlp',
    fits: { x: [2, 8], weight: [6, 8], bias: [6], back: [5, 6], biasOfBack: [5], residual: [2, 5] },
    refused: { x: [[2, 7]], weight: [[8, 6], [48]], bias: column(6), back: [[5, 7], [6, 5], [30]],
      biasOfBack: column(5), residual: [[2, 8], [5, 2], [2, 1, 5]] },
    run: ({ x, weight, bias, back, biasOfBack, residual }) =>
      mlp(x, { weight, bias }, { weight: back, bias: biasOfBack }, { activation: 'gelu', residual }),
  },
  {
    op: 'matmul',
    fits: { a: [2, 3, 4, 5], b: [2, 3, 5, 6] },
    alsoFits: { b: [[5, 6]] },
    refused: { a: [[2, 3, 4, 6], [3, 4, 5], [5], [3, 2, 4, 5]],
      b: [[2, 3, 6, 5], [3, 5, 6], [2, 2, 5, 6], [5], [1, 2, 3, 5, 6]] },
    run: ({ a, b }) => matmul(a, b),
  },
  {
    op: 'matmul',
    fits: { a: [5, 4], b: [5, 6] },
    refused: { a: [[4, 5], [6, 4], [5]], b: [[6, 5], [4, 6], [5]] },
    run: ({ a, b }) => matmul(a, b, { transposeA: true }),
  },
  {
    op: 'matmul',
    fits: { a: [4, 5], b: [6, 5] },
    refused: { a: [[5, 4], [5]], b: [[5, 6], [6, 4], [5]] },
    run: ({ a, b }) => matmul(a, b, { transposeB: true }),
  },
  {
    op: 'patchify',
    fits: { pixels: [2, 3, 8, 8], weight: [5, 3, 4, 4] },
    alsoFits: { weight: [[5, 3, 8, 8], [5, 3, 1, 1]] },
    refused: { pixels: [[2, 4, 8, 8], [2, 3, 8, 4], [3, 8, 8], [2, 3, 8, 8, 1]],
      weight: [[5, 4, 4, 4], [5, 3, 4, 2], [15, 4, 4], [5, 3, 4, 4, 1]] },
    run: ({ pixels, weight }) => patchify(pixels, weight),
  },
  {
    op: 'convolution',
    fits: { x: [2, 5, 6, 4], weight: [6, 3, 3, 2], bias: [6], residual: [2, 3, 4, 6] },
    refused: { x: [[2, 5, 6, 6], [10, 6, 4]], weight: [[6, 3, 3, 4], [6, 9, 2], [6, 3, 3, 1, 2]], bias: column(6),
      residual: [[2, 3, 4, 5], [2, 4, 3, 6], [24, 6]] },
    run: ({ x, weight, bias, residual }) => convolution(x, weight, { groups: 2, bias, residual }),
  },
  {
    op: 'concat',
    fits: { a: [2, 3, 4], b: [2, 5, 4] },
    refused: { a: [[3, 3, 4], [2, 3, 5]], b: [[1, 5, 4], [2, 5, 3], [2, 5], [2, 5, 4, 1]] },
    run: ({ a, b }) => concat([a, b], 1),
  },
  {
    op: 'prepend',
    fits: { token: [8], x: [2, 3, 8], positions: [4, 8] },
    alsoFits: { token: [[1, 8]], x: [[1, 3, 8]] },
    refused: { token: [[7], [9]], x: [[6, 8], [2, 4, 8], [2, 3, 7], [2, 3, 8, 1]],
      positions: [[3, 8], [5, 8], [4, 7], [32], [4, 8, 1]] },
    run: ({ token, x, positions }) => prepend(token, x, positions),
  },
  {
    op: 'temporalShift',
    fits: { x: [6, 4, 8] },
    alsoFits: { x: [[6, 8], [3, 8]] },
    refused: { x: [[6], [4, 4, 8]] },
    run: ({ x }) => temporalShift(x, { frames: 3 }),
  },
  {
    op: 'windowPartition',
    fits: { x: [2, 4, 6, 8] },
    refused: { x: [[1, 4, 6, 8], [2, 6, 4, 8], [2, 24, 8], [2, 4, 6]] },
    run: ({ x }) => windowPartition(x, partition),
  },
  {
    op: 'windowReverse',
    fits: { windows: [8, 6, 8], residual: [2, 4, 6, 8] },
    refused: { windows: [[8, 5, 8], [7, 6, 8], [48, 8], [8, 6, 8, 1]],
      residual: [[2, 6, 4, 8], [2, 4, 6, 7], [1, 4, 6, 8], [48, 8]] },
    run: ({ windows, residual }) => windowReverse(windows, partition, residual),
  },
  {
    op: 'patchMerge',
    fits: { x: [1, 4, 6, 8] },
    alsoFits: { x: [[2, 3, 4, 6, 8]] },
    refused: { x: [[4, 6, 8], [6, 8]] },
    run: ({ x }) => patchMerge(x),
  },
  {
    op: 'windowAttention',
    fits: { qkv: [8, 6, 24], table: [15, 2] },
    refused: { qkv: [[7, 6, 24], [8, 5, 24], [8, 6, 25], [8, 6, 12, 2], [48, 24]],
      table: [[14, 2], [15, 1], [2, 15], [30]] },
    run: ({ qkv, table }) => windowAttention(qkv, table, 2, partition),
  },
  {
    op: 'selfAttention',
    fits: { qkv: [2, 5, 24] },
    refused: { qkv: [[2, 5, 25], [10, 24], [2, 5, 4, 24]] },
    run: ({ qkv }) => selfAttention(qkv, 2, { queries: 3 }),
  },
  {
    op: 'crossAttention',
    fits: { query: [2, 3, 8], key: [2, 5, 8], value: [2, 5, 8] },
    refused: { query: [[1, 3, 8], [2, 3, 6], [6, 8], [2, 3, 2, 4]], key: [[1, 5, 8], [2, 4, 8], [2, 5, 6], [10, 8]],
      value: [[2, 4, 8], [1, 5, 8], [2, 5, 6], [10, 8]] },
    run: ({ query, key, value }) => crossAttention(query, key, value, 2),
  },
  {
    op: 'attention',
    fits: { query: [2, 2, 3, 4], key: [2, 2, 5, 4], value: [2, 2, 5, 4], mask: [3, 5] },
    alsoFits: { mask: [[1, 1, 3, 5], [2, 1, 3, 5], [1, 2, 3, 5], [2, 2, 3, 5]] },
    refused: {
      query: [[1, 2, 3, 4], [2, 1, 3, 4], [2, 2, 3, 8], [4, 3, 4]],
      key: [[1, 2, 5, 4], [2, 1, 5, 4], [2, 2, 4, 4], [2, 2, 5, 8], [4, 5, 4]],
      value: [[1, 2, 5, 4], [2, 1, 5, 4], [2, 2, 4, 4], [2, 2, 5, 8], [4, 5, 4]],
      mask: [[5, 3], [1, 3, 5], [2, 3, 5], [3, 1, 3, 5], [1, 3, 3, 5], [2, 2, 5, 3], [2, 2, 3, 4], [2, 2, 4, 5]],
    },
    run: ({ query, key, value, mask }) => attention(query, key, value, { mask }),
  },
  {
    op: 'adamw',
    fits: { ...arena, m: [2048], v: [2048], hyper: [2, HYPER_COLUMNS] },
    alsoFits: { hyper: [[1, HYPER_COLUMNS]] },
    refused: { ...notArena, m: [[2047], [1]], v: [[2047], [1]],
      hyper: [[2, HYPER_COLUMNS - 1], [2, HYPER_COLUMNS + 1], [HYPER_COLUMNS], [2, HYPER_COLUMNS, 1]] },
    run: ({ groups, shadow: _, ...step }) => adamw({ ...step, groupOfTile: groups }),
  },
  {
    op: 'sgd',
    fits: { ...arena, momentum: [2048], hyper: [2, SGD_COLUMNS] },
    refused: { ...notArena, momentum: [[2047], [2049]], hyper: [[2, SGD_COLUMNS - 1], [SGD_COLUMNS]] },
    run: ({ groups, shadow: _, ...step }) => sgd({ ...step, groupOfTile: groups }),
  },
  {
    op: 'stepControl',
    fits: { measured: [MEASURED.words], settings: [6], state: [STATE.words], scale: [] },
    refused: { measured: [[MEASURED.words + 1], [1]], settings: [[5], [7]], state: [[STATE.words - 1], [5]],
      scale: [[2]] },
    run: ({ measured, settings, state, scale }) => stepControl({ measured, settings, state, scale }),
  },
];

for (const { op, fits, alsoFits = {}, refused, run } of calls) {
  test(
    `${op} takes ${Object.entries(fits).map(([name, shape]) => `${name} [${shape}]`).join(', ')}, and nothing beside`,
    () =>
      gpu.scope(() => {
        run(operandsOf(fits));
        for (const [name, shapes] of Object.entries(alsoFits)) {
          for (const shape of shapes) run(operandsOf({ ...fits, [name]: shape }));
        }
        for (const [name, shapes] of Object.entries(refused)) {
          for (const shape of shapes) {
            const given = operandsOf({ ...fits, [name]: shape });
            const { message } = assert.throwsWith(() => run(given), ShapeError);
            const size = shape.reduce((a, b) => a * b, 1);
            const isTold = message.includes(`[${shape}]`) || message.endsWith(` has ${size}`);
            assert.ok(message.startsWith(`${op}: `) && isTold, `${name} [${shape}]: ${message}`);
          }
        }
      }),
  );
}

test('what is normalised has a last axis, whose length no column of one element stands for', () => {
  const { x, one } = operandsOf({ x: [], one: [1] }) as Record<string, Tensor>;
  for (const [op, run] of [
    ['layernorm', () => layernorm(x, one, one)],
    ['rmsnorm', () => rmsnorm(x, one)],
    ['fixedBatchNorm', () => fixedBatchNorm(x, one, one, { mean: one, variance: one })],
  ] as const) {
    const { message } = assert.throwsWith(run, ShapeError);
    assert.ok(message.startsWith(`${op}: x [] needs a `) && message.endsWith(' of [0], got [1]'), message);
  }
});

test('a product of two operands that are both transposed is refused, with the product that it is', () => {
  const { a, b } = operandsOf({ a: [4, 3], b: [5, 4] }) as Record<string, Tensor>;
  assert.throwsWith(() => matmul(a, b, { transposeA: true, transposeB: true }), ShapeError,
    'matmul: a is [4,3], b is [5,4], both to be transposed, which no kernel does', {
    hint: 'Aᵀ·Bᵀ = (B·A)ᵀ: multiply in the other order',
  });
});

test.run();
