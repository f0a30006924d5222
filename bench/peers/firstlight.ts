/** Firstlight, as its users write it: operations on tensors, captured and replayed. */
import { backward, type CapturedStep, type Gpu, open, Tensor } from '../../engine/index.ts';
import { adamw, adamwControl, controlSettings, HYPER_COLUMNS, hyperRow, TILE } from '../../kernels/adamw/index.ts';
import { attention, selfAttention } from '../../kernels/attention/index.ts';
import { convolution } from '../../kernels/convolution/index.ts';
import { crossEntropy } from '../../kernels/cross_entropy/index.ts';
import { gelu } from '../../kernels/gelu/index.ts';
import { gradNorm } from '../../kernels/grad_norm/index.ts';
import { layernorm } from '../../kernels/layernorm/index.ts';
import { linear, matmul, mlp } from '../../kernels/matmul/index.ts';
import { prepend } from '../../kernels/rearrange/index.ts';
import { indexSelect } from '../../kernels/embedding/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { AdamW } from '../../train/recipe/optimizer/index.ts';
import { ADAMW, CHECKED_STEPS, type Formula, type Peer, type Running, type Task } from './task.ts';
import { depthOf, prefixOf } from './vit.ts';

type Tensors = Readonly<Record<string, Tensor>>;
type Results = Readonly<Record<string, Tensor>>;

function blockOf(x: Tensor, p: Tensors, heads: number, prefix = ''): Tensor {
  const of = (name: string) => p[prefix + name];
  const qkv = linear(layernorm(x, of('ln1.weight'), of('ln1.bias')), of('qkv.weight'), { bias: of('qkv.bias') });
  const middle = linear(selfAttention(qkv, heads), of('out.weight'), { bias: of('out.bias'), residual: x });
  const [expand, contract] = [{ weight: of('expand.weight'), bias: of('expand.bias') }, { weight: of('contract.weight'),
    bias: of('contract.bias') }];
  return mlp(layernorm(middle, of('ln2.weight'), of('ln2.bias')), expand, contract, { activation: 'quick_gelu',
    residual: middle });
}

/** y of a formula. */
const FORWARD: Readonly<Partial<Record<Formula, (o: Tensors, task: Task) => Tensor>>> = {
  matmul: ({ a, b }) => matmul(a, b),
  layernorm: ({ x, weight, bias }) => layernorm(x, weight, bias),
  gelu: ({ x }) => gelu(x, 'gelu'),
  cross_entropy: ({ logits, target }) => crossEntropy(logits, target),
  attention: ({ query, key, value }) => attention(query, key, value),
  convolution: ({ x, weight }) => convolution(x, weight, { padding: (weight.shape[1] - 1) / 2 }),
  block: ({ x, ...p }, { heads = 1 }) => blockOf(x, p, heads),
};

function uploaded(gpu: Gpu, task: Task): Tensors {
  const entries = Object.entries(task.operands()).map(([name, { shape, data }]) =>
    [name, gpu.keep(Tensor.from(gpu, data, shape, name))] as const
  );
  const tensors = Object.fromEntries(entries);
  for (const name of task.wrt) tensors[name].requiresGrad = true;
  return tensors;
}

const result = async (gpu: Gpu, results: Results) => {
  const names = Object.keys(results);
  const read = (await gpu.read(names.map((name) => results[name]))) as Float32Array[];
  return Object.fromEntries(names.map((name, i) => [name, read[i]]));
};

function running(gpu: Gpu, captured: CapturedStep<[], Results>): Running {
  return {
    outputs: () => result(gpu, captured.run()),
    async round(calls) {
      for (let i = 0; i < calls; i++) captured.run();
      await gpu.sync();
    },
  };
}

function simple(gpu: Gpu, task: Task): Running {
  const o = uploaded(gpu, task);
  return running(gpu, gpu.capture(() => {
    const y = (FORWARD[task.formula] as (o: Tensors, task: Task) => Tensor)(o, task);
    if (task.direction === 'forward') return { y };
    backward(y, o.dy);
    const gradients = Object.fromEntries(task.wrt.map((name) => {
      const gradient = o[name].grad as Tensor;
      o[name].grad = undefined;
      return [`d${name}`, gradient];
    }));
    return { y, ...gradients };
  }));
}

/** AdamW as the optimiser calls it, on an arena: norm of the gradient, control, update. */
function update(gpu: Gpu, task: Task): Running {
  const { values, grads, m, v } = uploaded(gpu, task);
  const keep = (data: Float32Array, shape: readonly number[], label: string) =>
    gpu.keep(Tensor.from(gpu, data, shape, label));
  const hyper = keep(hyperRow(ADAMW), [1, HYPER_COLUMNS], 'hyper');
  const groupOfTile = gpu.keep(Tensor.from(gpu, new Uint32Array(Math.ceil(values.size / TILE)), undefined, 'groups'));
  const settings = keep(controlSettings({ ...ADAMW, maxNorm: 0, growth: 1, backoff: 1, interval: 2000 }), [6],
    'settings');
  const state = gpu.keep(Tensor.from(gpu, new Uint32Array(4), [4], 'state'));
  const scale = keep(Float32Array.of(1), [], 'scale');
  return running(gpu, gpu.capture(() => {
    const control = adamwControl({ measured: gradNorm([grads]), settings, state, scale });
    adamw({ values, grads, m, v, hyper, groupOfTile, control });
    return { values, m, v };
  }));
}

function training(gpu: Gpu, task: Task): Running {
  const { patches, target, ...p } = uploaded(gpu, task);
  const [images] = patches.shape;
  const parameters = task.wrt.map((name) => [name, p[name]] as const);
  const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: ADAMW.weightDecay, parameters }], {
    ...ADAMW,
    maxNorm: 0,
  });
  optimizer.schedule([ADAMW.lr]);
  const first = gpu.keep(Tensor.from(gpu, new Uint32Array(images), [images], 'class tokens'));
  const captured = gpu.capture(() => {
    optimizer.zeroGrad();
    let x = prepend(p.class, linear(patches, p['embed.weight'], { bias: p['embed.bias'] }), p.positions);
    for (let layer = 0; layer < depthOf(p); layer++) x = blockOf(x, p, task.heads ?? 1, prefixOf(layer));
    const normal = layernorm(indexSelect(x, first), p['ln.weight'], p['ln.bias']);
    const loss = crossEntropy(linear(normal, p['head.weight'], { bias: p['head.bias'] }), target);
    backward(loss, optimizer.lossScale);
    optimizer.step();
    return { loss };
  });
  return {
    ...running(gpu, captured),
    async outputs() {
      const losses = new Float32Array(CHECKED_STEPS);
      for (let step = 0; step < CHECKED_STEPS; step++) losses[step] = (await result(gpu, captured.run())).loss[0];
      return { losses };
    },
  };
}

export const peer: Peer = {
  ways: () => ['captured'],
  async prepare(task) {
    const gpu = await open({ tuning: tuned });
    return task.formula === 'vit'
      ? training(gpu, task)
      : task.formula === 'adamw'
      ? update(gpu, task)
      : simple(gpu, task);
  },
};
