/** Video-specific prompting. B videos, K texts, N patch positions, E embedding width. */
import { type Gpu, Module, type Tensor } from '../../engine/index.ts';
import { crossAttention } from '../../kernels/attention/index.ts';
import { mul } from '../../kernels/elementwise/index.ts';
import { mlp } from '../../kernels/matmul/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { constant, initialised, truncatedNormal, zeros } from './init.ts';
import { addBranch, LayerNorm, Linear, type Pass, type TransformerConfig } from './layers.ts';

/** Its sizes; `alpha` is where the learned mixing weight starts. */
export interface PromptConfig extends TransformerConfig {
  readonly alpha: number;
}

const LINEAR = { init: truncatedNormal(0.02), biasInit: zeros };

/** Texts look at the video's patches. Only the output projection has a bias. */
class CrossAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly out: Linear;
  readonly heads: number;

  constructor(gpu: Gpu, width: number, heads: number) {
    super();
    this.heads = heads;
    this.query = this.add('q_proj', new Linear(gpu, width, width, { ...LINEAR, bias: false }));
    this.key = this.add('k_proj', new Linear(gpu, width, width, { ...LINEAR, bias: false }));
    this.value = this.add('v_proj', new Linear(gpu, width, width, { ...LINEAR, bias: false }));
    this.out = this.add('proj', new Linear(gpu, width, width, LINEAR));
  }

  forward(texts: Tensor, visual: Tensor, residual?: Tensor): Tensor {
    const attended = crossAttention(this.query.forward(texts), this.key.forward(visual), this.value.forward(visual),
      this.heads);
    return this.out.forward(attended, { residual });
  }
}

class PromptLayer extends Module {
  readonly crossAttention: CrossAttention;
  readonly norm1: LayerNorm;
  readonly norm3: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #activation: Activation;

  constructor(gpu: Gpu, width: number, { heads, activation, eps }: PromptConfig) {
    super();
    this.#activation = activation;
    this.crossAttention = this.add('cross_attn', new CrossAttention(gpu, width, heads));
    this.norm1 = this.add('norm1', new LayerNorm(gpu, width, eps));
    this.norm3 = this.add('norm3', new LayerNorm(gpu, width, eps));
    this.expand = this.add('mlp.0', new Linear(gpu, width, 4 * width, LINEAR));
    this.contract = this.add('mlp.3', new Linear(gpu, 4 * width, width, LINEAR));
  }

  forward(texts: Tensor, visual: Tensor, name: string, pass: Pass): Tensor {
    const looked = addBranch(texts, `${name}.cross_attn`,
      (residual) => this.crossAttention.forward(this.norm1.forward(texts), visual, residual), pass);
    const y = addBranch(looked, `${name}.mlp`,
      (residual) =>
        mlp(this.norm3.forward(looked), this.expand, this.contract, { activation: this.#activation, residual }), pass);
    pass.tap?.(name, y);
    return y;
  }
}

/** What a video adds to the texts it is compared with. Ni et al. 2022, arXiv:2208.02816, eq. 9 and 10. */
export class VideoPrompt extends Module {
  readonly norm: LayerNorm;
  readonly layers: readonly PromptLayer[];
  readonly alpha: Tensor;

  /** @param width E  @param visualEps of the layer norm of patches; `config.eps` is that of texts */
  constructor(gpu: Gpu, config: PromptConfig, width: number, visualEps?: number) {
    super();
    this.norm = this.add('norm', new LayerNorm(gpu, width, visualEps));
    this.layers = this.addAll('decoder',
      Array.from({ length: config.layers }, () => new PromptLayer(gpu, width, config)));
    this.alpha = this.add('alpha', initialised(gpu, 'alpha', [width], constant(config.alpha)));
  }

  /** @param texts [B, K, E]  @param visual [B, N, E]  @returns α · (what the layers made of the texts), [B, K, E] */
  forward(texts: Tensor, visual: Tensor, pass: Pass = {}): Tensor {
    return texts.gpu.scope(() => {
      const normed = this.norm.forward(visual); // once, not per layer
      pass.tap?.('prompts_generator.norm', normed);
      let t = texts;
      this.layers.forEach((layer, j) => {
        t = layer.forward(t, normed, `prompts_generator.layer${j}`, pass);
      });
      const prompt = mul(t, this.alpha);
      pass.tap?.('prompts_generator', prompt);
      return prompt;
    });
  }
}
