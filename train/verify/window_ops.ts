/** Fixtures of operations of Swin, in its layout, channels last: window attention, and what it is made of. */
import { z } from 'zod';
import { Tensor } from '../../engine/index.ts';
import { windowAttention } from '../../kernels/attention/index.ts';
import { linear } from '../../kernels/matmul/index.ts';
import { concat, slice } from '../../kernels/rearrange/index.ts';
import { partitionOf, patchMerge, windowPartition, windowReverse } from '../../kernels/windows/index.ts';
import { operation, perAxis } from './operation.ts';

/** A number for each of the axes between batch and channels. */
const ofAxes = (x: Tensor, value: z.infer<typeof perAxis>) =>
  typeof value === 'number' ? x.shape.slice(1, -1).map(() => value) : value;
const listOf = (value: z.infer<typeof perAxis>) => (typeof value === 'number' ? [value] : value);

export const WINDOW_OPERATIONS = [
  operation(z.object({ window: perAxis, shift: perAxis, heads: z.int().min(1) }),
    (inputs, { window, shift, heads }) => {
      const { x, qkv_w, qkv_b, bias_table: table, proj_w, proj_b } = inputs;
      const partition = partitionOf(x.shape, { window: ofAxes(x, window), shift: ofAxes(x, shift) });
      const qkv = linear(windowPartition(x, partition), qkv_w, { bias: qkv_b });
      const y = linear(windowAttention(qkv, table, heads, partition), proj_w, {
        bias: proj_b,
      });
      return { out: windowReverse(y, partition) };
    }, 'channels last'),
  operation(z.object({ kind: z.literal('partition'), window: perAxis }),
    ({ x }, { window }) => ({ out: windowPartition(x, partitionOf(x.shape, { window: ofAxes(x, window) })) }),
    'channels last'),
  operation(z.object({ kind: z.literal('merge') }), ({ x }) => ({ out: patchMerge(x) }), 'channels last'),
  operation(z.object({ kind: z.literal('roll'), shifts: perAxis, dims: perAxis }), ({ x }, { shifts, dims }) => {
    const by = listOf(shifts);
    return { out: listOf(dims).reduce((rolled, dim, i) => roll(rolled, axisOf(x, dim), by[i]), x) };
  }, 'channels last'),
  operation(z.object({ kind: z.literal('pad'), pad: z.array(z.int().min(0)) }), ({ x }, { pad }) => {
    const axes = x.shape.map((_, i) => i).reverse().slice(0, pad.length / 2); // torch begins with the last axis
    return { out: axes.reduce((padded, axis, i) => padZeros(padded, axis, pad[2 * i], pad[2 * i + 1]), x) };
  }, 'channels last'),
];

const axisOf = (x: Tensor, dim: number) => (dim < 0 ? dim + x.shape.length : dim);

/** y[i] = x[i − by], around the end of the axis: torch.roll. */
function roll(x: Tensor, axis: number, by: number): Tensor {
  const extent = x.shape[axis];
  const front = ((by % extent) + extent) % extent;
  if (front === 0) return x;
  return concat([slice(x, axis, extent - front, extent), slice(x, axis, 0, extent - front)], axis);
}

/** Zeros before the first element of an axis and behind the last. */
function padZeros(x: Tensor, axis: number, before: number, behind: number): Tensor {
  const zeros = (extent: number) => {
    if (extent === 0) return [];
    const none = x.like(x.shape.map((own, i) => (i === axis ? extent : own)));
    none.write(new Float32Array(none.size));
    return [none];
  };
  return before + behind === 0 ? x : concat([...zeros(before), x, ...zeros(behind)], axis);
}
