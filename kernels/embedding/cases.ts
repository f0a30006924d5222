import { sizeOf, type Shape, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal, whole } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, embedding, gradientCost, indexSelect, kernels, tokenIds } from './index.ts';
import * as reference from './reference.ts';

const exact = { atol: 0, rtol: 0, why: 'copies' };

function embeddingCase(name: string, vocabulary: number, width: number, ids: Uint32Array, shape: Shape): Case {
  const size = vocabulary * width;
  const rows = new Set(ids).size;
  return {
    name: `embedding: ${name}`,
    inputs: { table: normal('table', [vocabulary, width]) },
    wrt: ['table'],
    run: ({ table }) => [table.gpu.scope(() => embedding(table as Tensor, tokenIds(table.gpu, ids, shape)))],
    reference: ({ table }) => [reference.embedding(table, ids, width)],
    gradient: (_, dy) => ({ table: reference.embeddingGradient(dy, ids, width, size) }),
    tolerance: exact,
    gradientTolerance: { atol: 4e-6, rtol: 1e-6, why: 'up to 200 numbers of about 1 are added in splits of 64' },
    cost: (type) => cost(ids.length, rows, width, type),
    gradientCost: (type) => gradientCost(ids.length, rows, width, type),
  };
}

function selectCase(name: string, shape: readonly [number, number, number], below: number): Case {
  const [batch, length, width] = shape;
  const index = whole('index', [batch], below);
  const rows = reference.selectedRows(index.data, length);
  return {
    name: `indexSelect: ${name}`,
    inputs: { x: normal('x', shape), index },
    wrt: ['x'],
    run: ({ x, index }) => [indexSelect(x as Tensor, index as Tensor<'u32'>)],
    reference: ({ x }) => [reference.embedding(x, rows, width)],
    gradient: (_, dy) => ({ x: reference.embeddingGradient(dy, rows, width, sizeOf(shape)) }),
    tolerance: exact,
    cost: (type) => cost(batch, batch, width, type),
    gradientCost: (type) => gradientCost(batch, batch * length, width, type),
  };
}

const ids = (name: string, n: number, below: number) => whole(name, [n], below).data as Uint32Array;
/** A start token, some words, and padding, row after row: most positions hold one of two ids. */
const texts = Uint32Array.from({ length: 5 * 77 }, (_, i) => (i % 77 === 0 ? 40 : i % 77 < 9 ? (i * 7) % 39 : 0));

export const room: Room = {
  name: 'embedding',
  kernels,
  cases: [
    embeddingCase('repeated and absent ids, odd width', 11, 7, ids('few', 24, 8), [4, 6]),
    embeddingCase('padded texts: one id fills hundreds of positions', 41, 12, texts, [5, 77]),
    embeddingCase('one position', 5, 8, Uint32Array.of(4), [1]),
    selectCase('odd width', [5, 9, 3], 9),
    selectCase('the first and only row', [3, 1, 8], 1),
    selectCase('rows of a model', [6, 77, 64], 77),
  ],
  workloads: [
    workload('CLIP text: 16 × 77 tokens of 512',
      (name) => embeddingCase(name, 49408, 512, ids('tokens', 16 * 77, 49408), [16, 77])),
    workload('end tokens of 16 texts', (name) => selectCase(name, [16, 77, 512], 77)),
  ],
};
