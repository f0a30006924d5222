/** Multi-frame integration transformer. B videos, T frames, E embedding width. */
import { type Gpu, Module, ShapeError, type Tensor } from '../../engine/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { initialised, truncatedNormal, xavierUniform, zeros } from './init.ts';
import { type Pass, ResidualBlock, type TransformerConfig } from './layers.ts';

/** Its sizes; `mlp` is the hidden width. */
export interface IntegrationConfig extends TransformerConfig {
  readonly mlp: number;
}

/** Frame features → one feature per video. Ni et al. 2022, arXiv:2208.02816, eq. 8. */
export class MultiframeIntegration extends Module {
  readonly positionalEmbedding: Tensor;
  readonly blocks: readonly ResidualBlock[];

  /** @param width E  @param frames T */
  constructor(gpu: Gpu, { layers, heads, mlp, activation, eps }: IntegrationConfig, width: number, frames: number) {
    super();
    const linear = truncatedNormal(0.02);
    const init = { inProjection: xavierUniform, outProjection: linear, expand: linear, contract: linear,
      expandBias: zeros, contractBias: zeros };
    this.positionalEmbedding = this.add('positional_embedding',
      initialised(gpu, 'mit.positional_embedding', [1, frames, width], truncatedNormal(0.02)));
    this.blocks = this.addAll(
      'resblocks',
      Array.from({ length: layers },
        () => new ResidualBlock(gpu, { width, heads, hidden: mlp, activation, eps }, init)),
    );
  }

  /** [B, T, E] → [B, E]: the mean over frames of x + blocks(x + positions). */
  forward(frames: Tensor, pass: Pass = {}): Tensor {
    return frames.gpu.scope(() => {
      if (frames.shape[1] !== this.positionalEmbedding.shape[1]) {
        throw new ShapeError('multi-frame integration',
          `got ${frames.shape[1]} frames per video, the model has positions for ${this.positionalEmbedding.shape[1]}`);
      }
      let x = add(frames, this.positionalEmbedding);
      this.blocks.forEach((block, i) => {
        x = block.forward(x, `mit.block${i}`, pass);
      });
      const integrated = add(x, frames); // the residual is the input without its positions
      pass.tap?.('mit.integrated', integrated);
      const video = mean(integrated, 1);
      pass.tap?.('mit', video);
      return video;
    });
  }
}
