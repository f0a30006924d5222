/**
 * Shapes, parameters and inputs of the transformer block and the small vision transformer that peers are compared on.
 */
import { normal } from '../../kernels/shared/sample.ts';
import type { Operand, Operands } from './task.ts';

export interface VitShape {
  readonly images: number;
  /** Of an image, the class token included. */
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly depth: number;
  /** Numbers of a patch. */
  readonly patch: number;
  readonly classes: number;
}

/**
 * Parameters of a residual block: weights are [out, in], and `qkv` holds those of query, key and value one after
 * another.
 */
export const BLOCK_PARAMETERS = [
  'ln1.weight',
  'ln1.bias',
  'qkv.weight',
  'qkv.bias',
  'out.weight',
  'out.bias',
  'ln2.weight',
  'ln2.bias',
  'expand.weight',
  'expand.bias',
  'contract.weight',
  'contract.bias',
] as const;

/** Those of the transformer around its blocks. */
const OUTER_PARAMETERS = ['embed.weight', 'embed.bias', 'class', 'positions', 'ln.weight', 'ln.bias', 'head.weight',
  'head.bias'] as const;

const near = (name: string, shape: readonly number[], mean: number, std: number): Operand =>
  normal(name, shape, { mean, std }) as Operand;

function blockParameters(prefix: string, { width, hidden }: Pick<VitShape, 'width' | 'hidden'>): Operands {
  const weight = (name: string, rows: number, columns: number) =>
    near(prefix + name, [rows, columns], 0, columns ** -0.5);
  const [norm, bias] = [(name: string) => near(prefix + name, [width], 1, 0.1),
    (name: string, size: number) => near(prefix + name, [size], 0, 0.1)];
  const made = [
    norm('ln1.weight'),
    bias('ln1.bias', width),
    weight('qkv.weight', 3 * width, width),
    bias('qkv.bias', 3 * width),
    weight('out.weight', width, width),
    bias('out.bias', width),
    norm('ln2.weight'),
    bias('ln2.bias', width),
    weight('expand.weight', hidden, width),
    bias('expand.bias', hidden),
    weight('contract.weight', width, hidden),
    bias('contract.bias', width),
  ];
  return Object.fromEntries(made.map((operand, i) => [prefix + BLOCK_PARAMETERS[i], operand]));
}

/** Names of a block's parameters in a transformer. */
export const prefixOf = (layer: number) => `block${layer}.`;

/** x and dy [images, tokens, width], and a block's parameters. */
export function blockOperands(shape: VitShape): Operands {
  const { images, tokens, width } = shape;
  return { x: near('x', [images, tokens, width], 0, 1), dy: near('dy', [images, tokens, width], 0, 1),
    ...blockParameters('', shape) };
}

/** Patches [images, tokens − 1, patch], targets [images, classes], and the parameters of a transformer. */
export function vitOperands(shape: VitShape): Operands {
  const { images, tokens, width, depth, patch, classes } = shape;
  const target = new Float32Array(images * classes);
  for (let image = 0; image < images; image++) target[image * classes + ((3 * image) % classes)] = 1;
  const outer = [
    near('embed.weight', [width, patch], 0, patch ** -0.5),
    near('embed.bias', [width], 0, 0.1),
    near('class', [width], 0, 1),
    near('positions', [tokens, width], 0, 0.1),
    near('ln.weight', [width], 1, 0.1),
    near('ln.bias', [width], 0, 0.1),
    near('head.weight', [classes, width], 0, width ** -0.5),
    near('head.bias', [classes], 0, 0.1),
  ];
  return {
    patches: near('patches', [images, tokens - 1, patch], 0, 1),
    target: { shape: [images, classes], data: target },
    ...Object.fromEntries(outer.map((operand, i) => [OUTER_PARAMETERS[i], operand])),
    ...Object.assign({},
      ...Array.from({ length: depth }, (_, layer) => blockParameters(prefixOf(layer), shape))) as Operands,
  };
}

/** How many blocks a transformer's operands hold. */
export function depthOf(operands: Readonly<Record<string, unknown>>): number {
  return Object.keys(operands).filter((name) => name.endsWith(`.${BLOCK_PARAMETERS[0]}`)).length;
}
