/** A block of X-CLIP's cross-frame communication transformer. B videos, T frames, N tokens of a frame, D width. */
import { type Gpu, Module, type Tensor } from '../../engine/index.ts';
import { slice } from '../../kernels/rearrange/index.ts';
import { addBranch, type BlockShape, type DropPath, LayerNorm, Linear, Mlp, type Pass,
  SelfAttention } from './layers.ts';
import { vitInit } from './init.ts';

/**
 * A ViT block whose frames talk to each other: each frame's class token becomes a message, the messages attend to one
 * another, and each frame attends to its own tokens and its message. Ni et al. 2022, arXiv:2208.02816, eq. 4 to 7.
 */
export class CrossFrameBlock extends Module {
  readonly messageFc: Linear;
  readonly messageLn: LayerNorm;
  readonly messageAttention: SelfAttention;
  readonly ln1: LayerNorm;
  readonly attn: SelfAttention;
  readonly ln2: LayerNorm;
  readonly mlp: Mlp;
  readonly frames: number;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, { width, heads, hidden, activation, eps }: BlockShape, frames: number,
    drop: Omit<DropPath, 'dim'>) {
    super();
    const init = vitInit(width, hidden);
    this.frames = frames;
    this.#drop = { ...drop, dim: 1 }; // official tensors are sequence-first: one draw per token position
    this.messageFc = this.add('message_fc', new Linear(gpu, width, width));
    this.messageLn = this.add('message_ln', new LayerNorm(gpu, width, eps));
    this.messageAttention = this.add('message_attn', new SelfAttention(gpu, width, heads, init));
    this.attn = this.add('attn', new SelfAttention(gpu, width, heads, init));
    this.ln1 = this.add('ln_1', new LayerNorm(gpu, width, eps));
    this.mlp = this.add('mlp', new Mlp(gpu, { width, hidden, activation }, init));
    this.ln2 = this.add('ln_2', new LayerNorm(gpu, width, eps));
  }

  /** [B·T, N, D] → [B·T, N, D]. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const [, tokens, width] = x.shape;
      const messages = this.messageFc.forward(slice(x, 1, 0, 1)).reshape([-1, this.frames, width]);
      pass.tap?.(`${name}.message_fc`, messages);
      const discussed = addBranch(messages, `${name}.message_attn`, (residual) => {
        const normed = this.messageLn.forward(messages);
        return this.messageAttention.forward(normed, `${name}.message_attn`, pass, { residual });
      }, pass, this.#drop);
      // a message is asked by the tokens of its frame, and asks nothing itself: its answer would be thrown away
      const attend = (residual?: Tensor) =>
        this.attn.forward(this.ln1.forward(x, discussed), `${name}.attn`, pass, { residual, queries: tokens });
      const attended = addBranch(x, `${name}.attn`, attend, pass, { ...this.#drop, layer: this.#drop.layer + 1 });
      const y = addBranch(attended, `${name}.mlp`, (residual) => this.mlp.forward(this.ln2.forward(attended), residual),
        pass, { ...this.#drop, layer: this.#drop.layer + 2 });
      pass.tap?.(name, y);
      return y;
    });
  }
}
