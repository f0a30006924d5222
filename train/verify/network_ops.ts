/** Fixtures of operations of video networks: outputs and every gradient, case by case. */
import { z } from 'zod';
import { backward, type FloatType, type Gpu, Tensor } from '../../engine/index.ts';
import { batchNorm, fixedBatchNorm } from '../../kernels/batchnorm/index.ts';
import { convolution } from '../../kernels/convolution/index.ts';
import { relu } from '../../kernels/elementwise/index.ts';
import { averagePool, globalAveragePool, maxPool } from '../../kernels/pool/index.ts';
import { permute } from '../../kernels/rearrange/index.ts';
import { temporalShift } from '../../kernels/temporal_shift/index.ts';
import { type CheckResult, Comparison, tolerated } from './comparison.ts';
import type { FixtureFile, FixtureTensors } from './fixture.ts';
import { type Operation, operation, perAxis } from './operation.ts';
import { WINDOW_OPERATIONS } from './window_ops.ts';

const count = z.int().min(1);

const pooling = z.object({ kernel_size: perAxis, stride: perAxis.optional(), padding: perAxis.optional() });
const windowOf = ({ kernel_size, stride, padding }: z.infer<typeof pooling>) => ({ kernel: kernel_size, stride,
  padding });

const OPERATIONS = [
  operation(pooling.extend({ kind: z.literal('max') }), ({ x }, item) => ({ out: maxPool(x, windowOf(item)) })),
  operation(pooling.extend({ kind: z.literal('avg') }), ({ x }, item) => ({ out: averagePool(x, windowOf(item)) })),
  operation(
    z.object({ kind: z.string().startsWith('adapt'), output_size: z.union([z.literal(1), z.array(z.literal(1))]) }),
    ({ x }) => {
      const frames = [x.shape[0], ...x.shape.slice(1, -1).map(() => 1)];
      return { out: globalAveragePool(x).reshape([...frames, x.shape[x.shape.length - 1]]) };
    },
  ),
  operation(z.object({ kind: z.literal('relu') }), ({ x }) => ({ out: relu(x) })),
  operation(z.object({ T: count, shift_div: z.int().min(2) }),
    ({ x }, { T, shift_div }) => ({ out: temporalShift(x, { frames: T, divisor: shift_div }) })),
  operation(
    z.object({ stride: perAxis, padding: perAxis, dilation: perAxis.optional(), groups: count.optional(),
      bias: z.boolean() }),
    ({ x, w, b }, { bias, ...options }) => ({
      out: convolution(x, channelsLast(w), bias ? { ...options, bias: b } : options),
    }),
  ),
  operation(z.object({ train: z.boolean(), momentum: z.number(), eps: z.number() }), (inputs, item) => {
    const { x, w, b, running_mean: mean, running_var: variance } = inputs;
    const running = { mean, variance, momentum: item.momentum };
    const { eps } = item;
    const out = item.train ? batchNorm(x, w, b, { eps, running }) : fixedBatchNorm(x, w, b, running, { eps });
    return { out, running_mean: mean, running_var: variance };
  }),
  ...WINDOW_OPERATIONS,
] as readonly Operation<unknown>[];

const opCase = z.looseObject({ case: z.string(), f32_vs_f64_max_rel: z.number() });
/** What the description must hold. */
const schema = z.object({ kind: z.literal('op goldens'), cases: z.array(opCase).min(1) });

const operationOf = (item: unknown) => OPERATIONS.find(({ described }) => described.safeParse(item).success);

/** Whether a fixture is of operations that are built here. */
export function areBuilt(file: FixtureFile): boolean {
  const { success, data } = schema.safeParse(file.json);
  return success && data.cases.every((item) => operationOf(item) !== undefined);
}

/** Checks operations, forward and every gradient: one result per case. */
export async function verifyNetworkOps(gpu: Gpu, file: FixtureFile, type: FloatType): Promise<CheckResult[]> {
  const { cases } = file.described(schema);
  const tensors = await file.tensors();
  const results: CheckResult[] = [];
  for (const item of cases) {
    results.push(await verifyCase(gpu, file.name, item, tensors, type));
  }
  return results;
}

/** Statistics stay f32 when the others are stored as f16. */
const WIDE = ['running_mean', 'running_var'];
async function verifyCase(gpu: Gpu, fixture: string, item: z.infer<typeof opCase>, tensors: FixtureTensors,
  type: FloatType): Promise<CheckResult> {
  const { case: name, f32_vs_f64_max_rel: relative } = item;
  const comparison = new Comparison(fixture, name);
  const inputs: Record<string, Tensor> = {};
  const prefix = `${name}/in.`;
  for (const full of tensors.names(prefix)) {
    const short = full.slice(prefix.length);
    const input = Tensor.empty(gpu, tensors.get(full).shape, WIDE.includes(short) ? 'f32' : type, short);
    input.write(tensors.floats(full));
    input.requiresGrad = tensors.has(`${name}/grad.${short}`);
    inputs[short] = input;
  }
  try {
    const outputs = gpu.scope(() => {
      const { run, layout } = operationOf(item) as Operation<unknown>;
      const isFirst = layout === 'channels first';
      const { out, ...others } = run(isFirst ? { ...inputs, x: channelsLast(inputs.x) } : inputs, item);
      const y = isFirst ? channelsFirst(out) : out;
      const dy = Tensor.empty(gpu, y.shape, y.dtype);
      dy.write(tensors.floats(`${name}/cotangent`));
      backward(y, dy);
      return { ...others, out: y.detach() };
    });
    const compare = async (stored: string, got: Tensor) => {
      const want = tensors.floats(`${name}/${stored}`);
      comparison.compare(stored, await got.read(), want, tolerated(relative, want, type));
    };
    await compare('out', outputs.out);
    outputs.out.dispose();
    for (const full of tensors.names(`${name}/out.`)) {
      await compare(full.slice(name.length + 1), inputs[full.slice(`${name}/out.`.length)]);
    }
    for (const [short, { requiresGrad, grad }] of Object.entries(inputs)) {
      if (!requiresGrad) continue;
      if (grad === undefined) comparison.fail(`no gradient reached ${short}`);
      else if (type === 'f16' && item.kind === 'max') {
        comparison.lack('gradient in f16, where other numbers are the largest');
      } else await compare(`grad.${short}`, grad);
    }
  } finally {
    for (const input of Object.values(inputs)) {
      input.grad?.dispose();
      input.dispose();
    }
  }
  return comparison.result();
}

/** [frames, C, …] as [frames, …, C]. */
function channelsLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return permute(x, [0, ...axes.slice(2), 1]);
}

/** [frames, …, C] as [frames, C, …]. */
function channelsFirst(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return permute(x, [0, axes.length - 1, ...axes.slice(1, -1)]);
}
