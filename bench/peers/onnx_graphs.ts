/** The tasks as graphs of ONNX Runtime's operators, weights constant. */
import { permuted } from './layout.ts';
import type { Graph, Node } from './onnx_model.ts';
import type { Formula, Operand, Operands, Task } from './task.ts';

const FUSED = 'MultiHeadAttention';
const COMPOSED = 'MatMul, Softmax, MatMul';
const MICROSOFT = 'com.microsoft';

const scalar = (value: number): Operand => ({ shape: [], data: Float32Array.of(value) });
const shapesOf = (operands: Operands) =>
  Object.fromEntries(Object.entries(operands).map(([name, { shape }]) => [name, shape]));

/** softmax(q·kᵀ/√D)·v of [B, H, L, D]. */
function composedAttention(query: string, key: string, value: string, result: string): readonly Node[] {
  return [
    { operator: 'Transpose', inputs: [key], outputs: ['key across'], attributes: { perm: [0, 1, 3, 2] } },
    { operator: 'MatMul', inputs: [query, 'key across'], outputs: ['products'] },
    { operator: 'Mul', inputs: ['products', 'scale'], outputs: ['logits'] },
    { operator: 'Softmax', inputs: ['logits'], outputs: ['weights'], attributes: { axis: 3 } },
    { operator: 'MatMul', inputs: ['weights', value], outputs: [result] },
  ];
}

function attentionGraph(operands: Operands, way: string): Graph {
  const [batch, heads, tokens, headDim] = operands.query.shape;
  if (way === COMPOSED) {
    return { inputs: shapesOf(operands), constants: { scale: scalar(headDim ** -0.5) },
      nodes: composedAttention('query', 'key', 'value', 'y'), outputs: { y: operands.query.shape } };
  }
  // one head of as many samples lies in memory as the operands do
  const shape = [batch * heads, tokens, headDim];
  const node = { operator: FUSED, domain: MICROSOFT, inputs: ['query', 'key', 'value'], outputs: ['y'],
    attributes: { num_heads: 1 } };
  return { inputs: { query: shape, key: shape, value: shape }, constants: {}, nodes: [node], outputs: { y: shape } };
}

function blockGraph({ x, ...p }: Operands, heads: number, way: string): Graph {
  const [images, tokens, width] = x.shape;
  const linear = (from: string, name: string, to: string): Node[] => [
    { operator: 'MatMul', inputs: [from, `${name}.weight`], outputs: [`${to} product`] },
    { operator: 'Add', inputs: [`${to} product`, `${name}.bias`], outputs: [to] },
  ];
  const normal = (from: string, name: string, to: string): Node => ({ operator: 'LayerNormalization',
    inputs: [from, `${name}.weight`, `${name}.bias`], outputs: [to],
    attributes: { axis: -1 + 3, epsilon: { float: 1e-5 } } });
  const names = ['query', 'key', 'value'];
  const split: Node = { operator: 'Split', inputs: ['qkv'], outputs: names, attributes: { axis: 2, num_outputs: 3 } };
  const attended: Node[] = way === FUSED
    ? [{ operator: FUSED, domain: MICROSOFT, inputs: names, outputs: ['attended'], attributes: { num_heads: heads } }]
    : [
      ...names.flatMap((name): Node[] => [
        { operator: 'Reshape', inputs: [name, 'by head'], outputs: [`${name} by head`] },
        { operator: 'Transpose', inputs: [`${name} by head`], outputs: [`${name} of heads`],
          attributes: { perm: [0, 2, 1, 3] } },
      ]),
      ...composedAttention('query of heads', 'key of heads', 'value of heads', 'attended of heads'),
      { operator: 'Transpose', inputs: ['attended of heads'], outputs: ['attended by head'],
        attributes: { perm: [0, 2, 1, 3] } },
      { operator: 'Reshape', inputs: ['attended by head', 'together'], outputs: ['attended'] },
    ];
  const nodes: Node[] = [
    normal('x', 'ln1', 'normal 1'),
    ...linear('normal 1', 'qkv', 'qkv'),
    split,
    ...attended,
    ...linear('attended', 'out', 'out'),
    { operator: 'Add', inputs: ['x', 'out'], outputs: ['middle'] },
    normal('middle', 'ln2', 'normal 2'),
    ...linear('normal 2', 'expand', 'hidden'),
    { operator: 'QuickGelu', domain: MICROSOFT, inputs: ['hidden'], outputs: ['active'],
      attributes: { alpha: { float: 1.702 } } },
    ...linear('active', 'contract', 'contracted'),
    { operator: 'Add', inputs: ['middle', 'contracted'], outputs: ['y'] },
  ];
  const weights = Object.fromEntries(
    Object.entries(p).map((
      [name, operand],
    ) => [name, operand.shape.length === 2 ? permuted(operand, [1, 0]) : operand]),
  );
  const constants = { ...weights, scale: scalar((width / heads) ** -0.5),
    'by head': { whole: [images, tokens, heads, width / heads] }, together: { whole: [images, tokens, width] } };
  return { inputs: { x: x.shape }, constants, nodes, outputs: { y: x.shape } };
}

const one = (operands: Operands, nodes: readonly Node[], shape: readonly number[],
  constants: Graph['constants'] = {}): Graph => ({ inputs: shapesOf(operands), constants, nodes,
    outputs: { y: shape } });

/** The graph of y. */
const GRAPHS: Readonly<Partial<Record<Formula, (operands: Operands, task: Task, way: string) => Graph>>> = {
  matmul: (o) => one(o, [{ operator: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }], [o.a.shape[0], o.b.shape[1]]),
  layernorm: (o) =>
    one(o, [{ operator: 'LayerNormalization', inputs: ['x', 'weight', 'bias'], outputs: ['y'],
      attributes: { axis: 1, epsilon: { float: 1e-5 } } }], o.x.shape),
  gelu: (o) => one(o, [{ operator: 'Gelu', domain: MICROSOFT, inputs: ['x'], outputs: ['y'] }], o.x.shape),
  cross_entropy: (o) =>
    one(o, [
      { operator: 'Softmax', inputs: ['logits'], outputs: ['weights'], attributes: { axis: 1 } },
      { operator: 'Log', inputs: ['weights'], outputs: ['logarithms'] },
      { operator: 'Mul', inputs: ['target', 'logarithms'], outputs: ['terms'] },
      { operator: 'ReduceSum', inputs: ['terms', 'columns'], outputs: ['rows'], attributes: { keepdims: 0 } },
      { operator: 'ReduceMean', inputs: ['rows'], outputs: ['mean'], attributes: { keepdims: 0 } },
      { operator: 'Neg', inputs: ['mean'], outputs: ['y'] },
    ], [], { columns: { whole: [1] } }),
  attention: (o, _, way) => attentionGraph(o, way),
  convolution: ({ x, weight }) => {
    const [outputs, , kernel] = weight.shape;
    const node = { operator: 'Conv', inputs: ['x', 'weight'], outputs: ['y'],
      attributes: { pads: Array<number>(4).fill((kernel - 1) / 2) } };
    return one({ x }, [node], [x.shape[0], outputs, ...x.shape.slice(2)], { weight });
  },
  block: (o, { heads = 1 }, way) => blockGraph(o, heads, way),
};

/** How a forward pass can be written down, the best way first; empty for what has a gradient. */
export function waysOf({ formula, direction }: Task): readonly string[] {
  if (direction !== 'forward') return [];
  return formula === 'attention' || formula === 'block' ? [FUSED, COMPOSED] : ['graph'];
}

/** A task that has ways, as a graph. */
export function graphOf(task: Task, operands: Operands, way: string): Graph {
  return (GRAPHS[task.formula] as (operands: Operands, task: Task, way: string) => Graph)(operands, task, way);
}
