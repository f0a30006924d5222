/**
 * Layers that the towers share. B videos, T frames, K texts, L tokens, D width, H heads.
 * Names of parameters are those of the official X-CLIP and CLIP checkpoints.
 */
import { type Gpu, Module, type Tensor } from '../../engine/index.ts';
import { selfAttention } from '../../kernels/attention/index.ts';
import { dropPath, type Draw } from '../../kernels/dropout/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { layernorm } from '../../kernels/layernorm/index.ts';
import { linear, mlp } from '../../kernels/matmul/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { type BlockInit, type Init, initialised, ones, torchDefault, zeros } from './init.ts';

/** Looks at activations on their way, by name; for verification and study. */
export type Tap = (name: string, value: Tensor) => void;

/** What a layer of self-attention computes with. */
export interface Attending {
  /** [B, L, 3·D]: queries, keys and values, packed as `selfAttention` takes them. */
  readonly qkv: Tensor;
  readonly heads: number;
  /** Tokens that ask, the first ones; and whether each sees those up to itself alone. */
  readonly queries: number;
  readonly causal: boolean;
}

/** What a forward pass may be given beside its input. */
export interface Pass {
  readonly tap?: Tap;
  /** Looks at who attends to whom, by the name of the branch. It changes no bit of what the pass computes. */
  readonly attends?: (name: string, attending: Attending) => void;
  /** Random draws of this step; without it the model is in evaluation mode. */
  readonly draw?: Tensor<'u32'>;
}

/** How a tower runs its blocks: as they are, or with `recompute`. */
export type RunBlock = (block: (x: Tensor) => Tensor, x: Tensor) => Tensor;

/** How one branch of a residual block may be dropped while training. Huang et al. 2016, arXiv:1603.09382. */
export interface DropPath {
  readonly rate: number;
  readonly layer: number;
  /** Dimension along which branches are dropped independently. */
  readonly dim: number;
}

/**
 * x + branch(x). The sum is fused into the last product of the branch, unless somebody wants to see the branch's own
 * result or drop it.
 */
export function addBranch(x: Tensor, name: string, branch: (residual?: Tensor) => Tensor, pass: Pass,
  drop?: DropPath): Tensor {
  const dropping = drop !== undefined && drop.rate > 0 && pass.draw !== undefined;
  if (pass.tap === undefined && !dropping) return branch(x);
  const y = branch();
  pass.tap?.(name, y);
  return add(x,
    dropping ? dropPath(y, drop.rate, { state: pass.draw, layer: drop.layer } satisfies Draw, drop.dim) : y);
}

/** LayerNorm over the last dimension. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly #eps: number;

  /** @param eps added to the variance */
  constructor(gpu: Gpu, width: number, eps = 1e-5) {
    super();
    this.#eps = eps;
    this.weight = this.add('weight', initialised(gpu, 'weight', [width], ones));
    this.bias = this.add('bias', initialised(gpu, 'bias', [width], zeros));
  }

  /** @param appended one more token for each sequence of `x` */
  forward(x: Tensor, appended?: Tensor): Tensor {
    return layernorm(x, this.weight, this.bias, { appended, eps: this.#eps });
  }
}

/** y = x Wᵀ + b. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;

  constructor(gpu: Gpu, from: number, to: number, options: { bias?: boolean; init?: Init; biasInit?: Init } = {}) {
    super();
    this.weight = this.add('weight', initialised(gpu, 'weight', [to, from], options.init ?? torchDefault(from)));
    if (options.bias !== false) {
      this.bias = this.add('bias', initialised(gpu, 'bias', [to], options.biasInit ?? torchDefault(from)));
    }
  }

  /** x · weightᵀ + bias, plus `residual` if given. x: [..., in] → [..., out]. */
  forward(x: Tensor, { residual }: { residual?: Tensor } = {}): Tensor {
    return linear(x, this.weight, { bias: this.bias, residual });
  }
}

/** Multi-head self-attention with one packed projection, as torch's nn.MultiheadAttention stores it. */
export class SelfAttention extends Module {
  readonly heads: number;
  readonly causal: boolean;
  readonly inWeight: Tensor;
  readonly inBias: Tensor;
  readonly out: Linear;

  constructor(gpu: Gpu, width: number, heads: number, init: Pick<BlockInit, 'inProjection' | 'outProjection'>,
    causal = false) {
    super();
    this.heads = heads;
    this.causal = causal;
    this.inWeight = this.add('in_proj_weight',
      initialised(gpu, 'in_proj_weight', [3 * width, width], init.inProjection));
    this.inBias = this.add('in_proj_bias', initialised(gpu, 'in_proj_bias', [3 * width], zeros));
    this.out = this.add('out_proj', new Linear(gpu, width, width, { init: init.outProjection, biasInit: zeros }));
  }

  /**
   * [B, L, D] → [B, queries, D], plus `residual` if given; all tokens ask unless said otherwise.
   *
   * @param name of the branch, as `pass` hears it
   */
  forward(x: Tensor, name: string, pass: Pass,
    { residual, queries = x.shape[1] }: { residual?: Tensor; queries?: number } = {}): Tensor {
    const { heads, causal } = this;
    const qkv = linear(x, this.inWeight, { bias: this.inBias });
    pass.attends?.(name, { qkv, heads, queries, causal });
    return this.out.forward(selfAttention(qkv, heads, { causal, queries }), { residual });
  }
}

/** Two linear layers with an activation between them. */
export class Mlp extends Module {
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #activation: Activation;

  constructor(gpu: Gpu, { width, hidden, activation }: Pick<BlockShape, 'width' | 'hidden' | 'activation'>,
    init: Omit<BlockInit, 'inProjection' | 'outProjection'>) {
    super();
    this.#activation = activation;
    this.expand = this.add('c_fc', new Linear(gpu, width, hidden, { init: init.expand, biasInit: init.expandBias }));
    this.contract = this.add('c_proj',
      new Linear(gpu, hidden, width, { init: init.contract, biasInit: init.contractBias }));
  }

  /** Two linear layers with the activation between them, plus `residual` if given. x: [..., D] → [..., D]. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return mlp(x, this.expand, this.contract, { activation: this.#activation, residual });
  }
}

/** What all transformers have. */
export interface TransformerConfig {
  readonly layers: number;
  readonly heads: number;
  readonly activation: Activation;
  /** Of its layer norms; 1e-5 if omitted. */
  readonly eps?: number;
}

/** Shape of a residual block. */
export interface BlockShape extends Omit<TransformerConfig, 'layers'> {
  readonly width: number;
  readonly hidden: number;
  readonly causal?: boolean;
}

/** Pre-norm transformer block: x += attention(LN(x)); x += MLP(LN(x)). */
export class ResidualBlock extends Module {
  readonly ln1: LayerNorm;
  readonly attn: SelfAttention;
  readonly ln2: LayerNorm;
  readonly mlp: Mlp;

  constructor(gpu: Gpu, shape: BlockShape, init: BlockInit) {
    super();
    const { width, heads, eps, causal = false } = shape;
    this.attn = this.add('attn', new SelfAttention(gpu, width, heads, init, causal));
    this.ln1 = this.add('ln_1', new LayerNorm(gpu, width, eps));
    this.mlp = this.add('mlp', new Mlp(gpu, shape, init));
    this.ln2 = this.add('ln_2', new LayerNorm(gpu, width, eps));
  }

  /**
   * z = x + attention(norm(x)), then z + mlp(norm(z)). x: [B, L, D] → the same.
   *
   * @param name of the block, as a tap of `pass` hears it
   */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const attended = addBranch(x, `${name}.attn`,
        (residual) => this.attn.forward(this.ln1.forward(x), `${name}.attn`, pass, { residual }), pass);
      const y = addBranch(attended, `${name}.mlp`, (residual) => this.mlp.forward(this.ln2.forward(attended), residual),
        pass);
      pass.tap?.(name, y);
      return y;
    });
  }
}
