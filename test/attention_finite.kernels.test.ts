/**
 * What is not finite comes out of attention as NaN where it is seen, in every variant, and is not felt where it is
 * hidden.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Candidate, type FloatType, open, Tensor } from '../engine/index.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { mask, room } from '../kernels/attention/cases.ts';
import { attention } from '../kernels/attention/index.ts';
import * as reference from '../kernels/attention/reference.ts';
import { normal } from '../kernels/shared/sample.ts';
import { candidateName, combinations } from '../kernels/checking/runs.ts';
import { close } from './close.ts';

const gpu = await open();
const [QUERIES, KEYS] = [9, 11];

type Name = 'query' | 'key' | 'value' | 'dy';
/** Puts something into a sample: [row, column], or every row and column where one is omitted. */
interface Flaw {
  readonly what: string;
  readonly into: readonly Name[];
  readonly row?: number;
  readonly column?: number;
  readonly value: number;
}

/** One for each sample of a batch. */
const FLAWS: readonly Flaw[] = [
  { what: 'nothing', into: [], value: 0 },
  { what: 'a query of NaN', into: ['query'], row: 4, column: 1, value: Number.NaN },
  { what: 'all queries NaN', into: ['query'], value: Number.NaN },
  { what: 'a key of NaN', into: ['key'], row: 7, column: 0, value: Number.NaN },
  { what: 'an infinite value', into: ['value'], row: 7, column: 2, value: Number.POSITIVE_INFINITY },
  { what: 'the first value NaN', into: ['value'], row: 0, column: 3, value: Number.NaN },
  { what: 'an infinite query', into: ['query'], row: 6, column: 1, value: Number.POSITIVE_INFINITY },
  { what: 'keys of −∞ throughout', into: ['key'], value: Number.NEGATIVE_INFINITY },
  { what: 'a query whose products overflow', into: ['query'], row: 5, value: 3e38 },
  { what: 'NaN in a key and value that all queries are kept from', into: ['key', 'value'], row: KEYS - 1,
    value: Number.NaN },
  { what: 'a gradient of NaN', into: ['dy'], row: 3, column: 0, value: Number.NaN },
];
const BATCH = FLAWS.length;

function operands(headDim: number): Record<Name, Float32Array> {
  const rows = { query: QUERIES, key: KEYS, value: KEYS, dy: QUERIES };
  return Object.fromEntries(Object.entries(rows).map(([name, count]) => {
    const data = normal(name, [BATCH, 1, count, headDim]).data as Float32Array;
    FLAWS.forEach(({ into, row, column, value }, sample) => {
      if (!into.includes(name as Name)) return;
      for (let i = 0; i < count * headDim; i++) {
        if ((row ?? Math.floor(i / headDim)) === Math.floor(i / headDim) && (column ?? i % headDim) === i % headDim) {
          data[sample * count * headDim + i] = value;
        }
      }
    });
    return [name, data];
  })) as Record<Name, Float32Array>;
}

/** Every number close, and NaN where NaN is wanted; sample by sample, so that errors name what was put in. */
function compare(what: string, got: Float32Array, want: Float64Array, tolerance: number): void {
  const size = got.length / BATCH;
  FLAWS.forEach((flaw, sample) => {
    const [own, wanted] = [got.subarray(sample * size, (sample + 1) * size),
      want.subarray(sample * size, (sample + 1) * size)];
    const at = own.findIndex((v, i) => Number.isNaN(v) !== Number.isNaN(wanted[i]));
    assert.is(at, -1, `${flaw.what}: ${what}[${at}] is ${own[at]}, want ${wanted[at]}`);
    const numbers = own.filter((v) => !Number.isNaN(v));
    if (numbers.length === 0) return; // all NaN, as wanted
    close(`${flaw.what}: ${what}`, numbers, wanted.filter((v) => !Number.isNaN(v)), { atol: tolerance,
      rtol: tolerance });
  });
}

/** The variants of the room at their default sizes, and the rung on matrix units with its matrices emulated. */
function ways(type: FloatType, isScalar: boolean): readonly ReadonlyMap<string, Candidate>[] {
  const plain = combinations(gpu, room, 0, type).filter((chosen) =>
    [...chosen].every(([name, { variant, sizes }]) => {
      const kernel = room.kernels.find((candidate) => candidate.name === name);
      return kernel?.candidates(gpu, type).find((candidate) => candidate.variant === variant)?.sizes === sizes;
    })
  );
  // a layout of attention_matrix.test.ts, whose programs a cache may have
  const sizes = { down: 1, across: 2, tall: 2, tile: 16 };
  const emulated = new Map(
    room.kernels.filter(({ name }) => name.includes('.vec4')).map(({ name }) => [name, { variant: 'emulated', sizes }]),
  );
  return isScalar || !gpu.features.has('subgroups') ? plain : [...plain, emulated];
}

// hides the first key from some queries, key 7 from most, and the last from all
const additive = mask([QUERIES, KEYS], Number.NEGATIVE_INFINITY,
  (l, s) => s === KEYS - 1 || (s === 0 && l % 3 === 1) || (s === 7 && l !== 2 && l !== 8) || (s === 5 && l === 0));

// Every line is a dozen programs. Vectors and single elements, a mask and causality, f32 and f16 are all there, but not
// each with each.
for (const [type, headDim, isMasked] of [['f32', 8, true], ['f32', 5, false], ['f16', 8, false]] as const) {
  for (const way of ways(type, headDim % 4 !== 0)) {
    testIf(type === 'f32' || gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
      `${candidateName(way)}, ${type}, heads of ${headDim}: what is not finite comes out where it is seen, ${
        isMasked ? 'and the mask hides it' : 'and causality hides it'
      }`,
      async () => {
        gpu.candidates.clear();
        for (const [kernel, chosen] of way) gpu.candidates.prefer(kernel, chosen);
        const data = operands(headDim);
        const tensors = Object.fromEntries(Object.entries(data).map(([name, values]) => {
          const tensor = Tensor.empty(gpu, [BATCH, 1, values.length / BATCH / headDim, headDim], type, name);
          tensor.write(values);
          return [name, tensor];
        }));
        const { query, key, value, dy } = tensors;
        for (const tensor of [query, key, value]) tensor.requiresGrad = true;
        const hiding = isMasked
          ? { mask: Tensor.from(gpu, additive.data as Float32Array, additive.shape, 'mask') }
          : { causal: true };
        const y = attention(query, key, value, hiding);
        backward(y, dy);
        const got =
          (await gpu.read([y, query.grad as Tensor, key.grad as Tensor, value.grad as Tensor])) as Float32Array[];
        for (const tensor of [y, query.grad, key.grad, value.grad, ...Object.values(tensors), hiding.mask]) {
          tensor?.dispose();
        }
        gpu.candidates.clear();

        const sizes = { batch: BATCH, heads: 1, queries: QUERIES, keys: KEYS, headDim, causal: !isMasked };
        const [q, k, v, d] = (['query', 'key', 'value', 'dy'] as const).map((name) =>
          Float64Array.from(type === 'f16' ? valuesOf(halvesFrom(data[name])) : data[name])
        );
        const all = { query: q, key: k, value: v,
          ...(isMasked && { mask: reference.fullMask(Float64Array.from(additive.data), additive.shape, sizes) }) };
        const gradients = reference.attentionGradient(sizes, all, d);
        const tolerance = type === 'f16' ? 2e-2 : 1e-5;
        compare('y', got[0], reference.attention(sizes, all), tolerance);
        compare('dquery', got[1], gradients.query, tolerance);
        compare('dkey', got[2], gradients.key, tolerance);
        compare('dvalue', got[3], gradients.value, tolerance);
      },
    );
  }
}

test.after(() => gpu.close());
test.run();
