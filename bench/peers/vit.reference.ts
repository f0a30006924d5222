/**
 * The transformer block and the small vision transformer in float64, forward and gradient, of the rooms' references.
 */
import { adamw } from '../../kernels/adamw/reference.ts';
import { attention, attentionGradient, pack, unpack } from '../../kernels/attention/reference.ts';
import { crossEntropy, crossEntropyGradient } from '../../kernels/cross_entropy/reference.ts';
import { layernorm, layernormGradient } from '../../kernels/layernorm/reference.ts';
import { linear, linearGradient, mlp, mlpGradient } from '../../kernels/matmul/reference.ts';
import { ADAMW, CHECKED_STEPS, type Operands64 } from './task.ts';
import { BLOCK_PARAMETERS, depthOf, prefixOf, type VitShape } from './vit.ts';

const EPS = 1e-5;

const sum = (a: Float64Array, b: Float64Array) => a.map((v, i) => v + b[i]);

/** A block's results that its gradient needs. */
interface Walk {
  readonly x: Float64Array;
  readonly normal1: Float64Array;
  readonly parts: readonly Float64Array[];
  readonly attended: Float64Array;
  readonly middle: Float64Array;
  readonly normal2: Float64Array;
  readonly y: Float64Array;
}

function sizesOf({ images, tokens, width, heads, hidden }: VitShape) {
  const rows = images * tokens;
  return {
    attention: { batch: images, heads, queries: tokens, keys: tokens, headDim: width / heads },
    qkv: { rows, inner: width, columns: 3 * width },
    out: { rows, inner: width, columns: width },
    mlp: { rows, inner: width, hidden, columns: width },
  };
}

/** h = x + attention(LN(x)); y = h + MLP(LN(h)). */
function walk(x: Float64Array, p: Operands64, shape: VitShape): Walk {
  const { tokens, width, heads } = shape;
  const sizes = sizesOf(shape);
  const normal1 = layernorm(x, p['ln1.weight'], p['ln1.bias'], EPS);
  const parts = unpack(linear({ x: normal1, weight: p['qkv.weight'], bias: p['qkv.bias'] }, sizes.qkv), 3, heads,
    tokens, width / heads);
  const attended = pack([attention(sizes.attention, { query: parts[0], key: parts[1], value: parts[2] })], heads,
    tokens, width / heads);
  const middle = linear({ x: attended, weight: p['out.weight'], bias: p['out.bias'], residual: x }, sizes.out);
  const normal2 = layernorm(middle, p['ln2.weight'], p['ln2.bias'], EPS);
  const y = mlp({ x: normal2, ...mlpOf(p), residual: middle }, sizes.mlp, 'quick_gelu');
  return { x, normal1, parts, attended, middle, normal2, y };
}

const mlpOf = (p: Operands64) => ({ w1: p['expand.weight'], b1: p['expand.bias'], w2: p['contract.weight'],
  b2: p['contract.bias'] });

function back({ x, normal1, parts, attended, middle, normal2 }: Walk, p: Operands64, shape: VitShape,
  dy: Float64Array): { dx: Float64Array; dp: Operands64 } {
  const { tokens, width, heads } = shape;
  const sizes = sizesOf(shape);
  const second = mlpGradient({ x: normal2, ...mlpOf(p) }, dy, sizes.mlp, 'quick_gelu');
  const ln2 = layernormGradient(middle, p['ln2.weight'], second.x, EPS);
  const dmiddle = sum(dy, ln2.x);
  const out = linearGradient({ x: attended, weight: p['out.weight'] }, dmiddle, sizes.out);
  const [dattended] = unpack(out.x, 1, heads, tokens, width / heads);
  const dparts = attentionGradient(sizes.attention, { query: parts[0], key: parts[1], value: parts[2] }, dattended);
  const qkv = linearGradient({ x: normal1, weight: p['qkv.weight'] },
    pack([dparts.query, dparts.key, dparts.value], heads, tokens, width / heads), sizes.qkv);
  const ln1 = layernormGradient(x, p['ln1.weight'], qkv.x, EPS);
  const dp = {
    'ln1.weight': ln1.weight,
    'ln1.bias': ln1.bias,
    'qkv.weight': qkv.weight,
    'qkv.bias': qkv.bias,
    'out.weight': out.weight,
    'out.bias': out.bias,
    'ln2.weight': ln2.weight,
    'ln2.bias': ln2.bias,
    'expand.weight': second.w1,
    'expand.bias': second.b1,
    'contract.weight': second.w2,
    'contract.bias': second.b2,
  };
  return { dx: sum(dmiddle, ln1.x), dp };
}

/** y, and the gradients of x and all parameters. */
export function block(operands: Operands64, shape: VitShape): Operands64 {
  const walked = walk(operands.x, operands, shape);
  const { dx, dp } = back(walked, operands, shape, operands.dy);
  return { y: walked.y, dx,
    ...Object.fromEntries(Object.entries(dp).map(([name, gradient]) => [`d${name}`, gradient])) };
}

/** y alone. */
export function blockForward(operands: Operands64, shape: VitShape): Operands64 {
  return { y: walk(operands.x, operands, shape).y };
}

const partOf = (p: Operands64, layer: number): Operands64 =>
  Object.fromEntries(BLOCK_PARAMETERS.map((name) => [name, p[prefixOf(layer) + name]]));

/** The loss, and the gradients of all parameters. */
function lossAndGradients(operands: Operands64, shape: VitShape): { loss: number; gradients: Operands64 } {
  const { images, tokens, width, patch, classes } = shape;
  const embedding = { rows: images * (tokens - 1), inner: patch, columns: width };
  const patches = linear({ x: operands.patches, weight: operands['embed.weight'], bias: operands['embed.bias'] },
    embedding);
  let x = new Float64Array(images * tokens * width);
  for (let image = 0; image < images; image++) {
    x.set(operands.class, image * tokens * width);
    x.set(patches.subarray(image * (tokens - 1) * width, (image + 1) * (tokens - 1) * width),
      (image * tokens + 1) * width);
  }
  x = x.map((v, i) => v + operands.positions[i % (tokens * width)]);
  const walks: Walk[] = [];
  for (let layer = 0; layer < depthOf(operands); layer++) {
    walks.push(walk(x, partOf(operands, layer), shape));
    x = Float64Array.from(walks[layer].y);
  }
  const seen = Float64Array.from({ length: images * width },
    (_, i) => x[Math.floor(i / width) * tokens * width + (i % width)]);
  const normal = layernorm(seen, operands['ln.weight'], operands['ln.bias'], EPS);
  const head = { rows: images, inner: width, columns: classes };
  const logits = linear({ x: normal, weight: operands['head.weight'], bias: operands['head.bias'] }, head);
  const dhead = linearGradient({ x: normal, weight: operands['head.weight'] },
    crossEntropyGradient(logits, operands.target, classes, 1), head);
  const dln = layernormGradient(seen, operands['ln.weight'], dhead.x, EPS);
  let dx = new Float64Array(x.length);
  for (let image = 0; image < images; image++) {
    dx.set(dln.x.subarray(image * width, (image + 1) * width), image * tokens * width);
  }
  const gradients: Record<string, Float64Array> = { 'ln.weight': dln.weight, 'ln.bias': dln.bias,
    'head.weight': dhead.weight, 'head.bias': dhead.bias };
  for (let layer = walks.length - 1; layer >= 0; layer--) {
    const { dx: before, dp } = back(walks[layer], partOf(operands, layer), shape, dx);
    dx = Float64Array.from(before);
    for (const [name, gradient] of Object.entries(dp)) gradients[prefixOf(layer) + name] = gradient;
  }
  gradients.positions = new Float64Array(tokens * width);
  dx.forEach((v, i) => (gradients.positions[i % (tokens * width)] += v));
  gradients.class = gradients.positions.slice(0, width);
  const dpatches = dx.filter((_, i) => Math.floor(i / width) % tokens > 0);
  const dembed = linearGradient({ x: operands.patches, weight: operands['embed.weight'] }, dpatches, embedding);
  Object.assign(gradients, { 'embed.weight': dembed.weight, 'embed.bias': dembed.bias });
  return { loss: crossEntropy(logits, operands.target, classes), gradients };
}

/** Losses of the first steps of training with AdamW. */
export function vit(operands: Operands64, shape: VitShape): Operands64 {
  let now = operands;
  const moments = new Map<string, { m: Float64Array; v: Float64Array }>();
  const losses = new Float64Array(CHECKED_STEPS);
  for (let step = 0; step < CHECKED_STEPS; step++) {
    const { loss, gradients } = lossAndGradients(now, shape);
    losses[step] = loss;
    now = { ...now };
    for (const [name, gradient] of Object.entries(gradients)) {
      const { m, v } = moments.get(name)
        ?? { m: new Float64Array(gradient.length), v: new Float64Array(gradient.length) };
      const after = adamw({ values: now[name], m, v }, gradient, () => ADAMW, step + 1, 1);
      moments.set(name, after);
      (now as Record<string, Float64Array>)[name] = after.values;
    }
  }
  return { losses };
}
