import { z } from 'zod';
import { backward, FirstlightError, type FloatType, type Gpu, type Shape, Tensor } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { attention } from '../../kernels/attention/index.ts';
import { crossEntropy, crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { embedding, tokenIds } from '../../kernels/embedding/index.ts';
import { gelu } from '../../kernels/gelu/index.ts';
import { layernorm } from '../../kernels/layernorm/index.ts';
import { linear } from '../../kernels/matmul/index.ts';
import { normalize } from '../../kernels/normalize/index.ts';
import { patchify } from '../../kernels/patchify/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { logSoftmax, softmax } from '../../kernels/softmax/index.ts';
import { type CheckResult, Comparison, NOISE, toleranceOf } from './comparison.ts';
import type { FixtureFile, FixtureTensors } from './fixture.ts';

const opCase = z.object({
  name: z.string(),
  op: z.string(),
  eps: z.number().optional(),
  label_smoothing: z.number().optional(),
  noise: z.record(z.string(), NOISE),
});
/** What the description must hold. */
export const schema = z.object({ ops: z.array(opCase) });
type OpCase = z.infer<typeof opCase>;

/** Inputs of a case on the GPU, by the fixture's names. */
type Inputs = Readonly<Record<string, Tensor>>;

/** How each operation of the fixture is computed here. Labels and ids come as the integers they are. */
const OPERATIONS: Readonly<
  Record<string, (x: Inputs, item: OpCase, ints: Readonly<Record<string, Int32Array>>) => Tensor>
> = {
  linear: ({ x, w, b }) => linear(x, w, { bias: b }),
  linear_nobias: ({ x, w }) => linear(x, w),
  layernorm: ({ x, w, b }, { eps }) => layernorm(x, w, b, { eps }),
  quickgelu: ({ x }) => gelu(x, 'quick_gelu'),
  gelu_erf: ({ x }) => gelu(x, 'gelu'),
  gelu_tanh: ({ x }) => gelu(x, 'gelu_tanh'),
  softmax: ({ x }) => softmax(x),
  log_softmax: ({ x }) => logSoftmax(x),
  attention: ({ q, k, v }) => attention(q, k, v),
  attention_causal: ({ q, k, v }) => attention(q, k, v, { causal: true }),
  attention_addmask: ({ q, k, v, mask }) => attention(q, k, v, { mask }),
  cross_entropy: ({ logits }, { label_smoothing }, { labels }) =>
    crossEntropyWithLabels(logits, Tensor.from(logits.gpu, Uint32Array.from(labels)), label_smoothing),
  soft_target_cross_entropy: ({ logits, target }) => crossEntropy(logits, target),
  embedding: ({ w }, _, { ids }) => embedding(w, tokenIds(w.gpu, ids, [ids.length])),
  conv2d_patchify: ({ x, w }) => patchify(x, w),
  l2_normalize: ({ x }) => normalize(x),
  mean_dim1: ({ x }) => mean(x, 1),
};

/** Checks single operations, forward and every gradient: one result per case. */
export async function verifyOps(gpu: Gpu, file: FixtureFile, type: FloatType): Promise<CheckResult[]> {
  const tensors = await file.tensors();
  const { ops: cases } = file.described(schema);
  const results: CheckResult[] = [];
  for (const item of cases) results.push(await verifyOp(gpu, file.name, item, tensors, type));
  return results;
}

/** The same inputs; asking for one that is not there is an error that names it. */
function whole<T>(inputs: Readonly<Record<string, T>>, where: string): Readonly<Record<string, T>> {
  return new Proxy(inputs, { get(own, name) {
    if (Object.hasOwn(own, name)) return own[String(name)];
    throw new FirstlightError('FL_FIXTURE', `${where} has no input "${String(name)}"`);
  } });
}

/** A tensor that is stored as `type`. */
function stored(gpu: Gpu, values: Float32Array, shape: Shape, type: FloatType, label?: string): Tensor {
  const tensor = Tensor.empty(gpu, shape, type, label);
  tensor.write(values);
  return tensor;
}

async function verifyOp(gpu: Gpu, fixture: string, item: OpCase, tensors: FixtureTensors,
  type: FloatType): Promise<CheckResult> {
  const comparison = new Comparison(fixture, item.name);
  const operation = Object.hasOwn(OPERATIONS, item.op) ? OPERATIONS[item.op] : undefined;
  if (operation === undefined) {
    throw new FirstlightError('FL_FIXTURE',
      `${fixture}: case "${shown(item.name)}" has the unknown operation "${shown(item.op)}"`, {},
      `known: ${Object.keys(OPERATIONS).join(', ')}`);
  }
  const dout = tensors.has(`${item.name}/dout`) ? tensors.floats(`${item.name}/dout`) : undefined;
  if (dout === undefined) comparison.lack('dout');
  const where = `${fixture}: case "${shown(item.name)}"`;
  const prefix = `${item.name}/in.`;
  const ints: Record<string, Int32Array> = {};
  const inputs: Record<string, Tensor> = {};
  for (const name of tensors.names(prefix)) {
    const { shape, values } = tensors.get(name);
    const short = name.slice(prefix.length);
    if (values instanceof Int32Array) ints[short] = values;
    else {
      inputs[short] = stored(gpu, values, shape, type, short);
      inputs[short].requiresGrad = dout !== undefined && tensors.has(`${item.name}/grad.${short}`);
    }
  }
  try {
    using out = gpu.scope(() => {
      const y = operation(whole(inputs, where), item, whole(ints, where));
      if (dout !== undefined) backward(y, stored(gpu, dout, y.shape, y.dtype));
      return y.detach();
    });
    const compare = async (part: string, got: Tensor) => {
      if (!Object.hasOwn(item.noise, part)) {
        throw new FirstlightError('FL_FIXTURE', `${fixture}: case "${shown(item.name)}" has no noise for "${part}"`);
      }
      comparison.compare(part, await got.read(), tensors.floats(`${item.name}/${part}`),
        toleranceOf(item.noise[part], type));
    };
    await compare('out', out);
    for (const [name, { requiresGrad, grad }] of Object.entries(inputs)) {
      if (requiresGrad && grad === undefined) comparison.fail(`no gradient reached ${name}`);
      else if (grad !== undefined) await compare(`grad.${name}`, grad);
    }
  } finally {
    for (const input of Object.values(inputs)) {
      input.grad?.dispose();
      input.dispose();
    }
  }
  return comparison.result();
}
