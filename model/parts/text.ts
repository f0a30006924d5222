/** CLIP's text encoder. K texts, L context length, W text width, E embedding width, V vocabulary. */
import { dispose, type Gpu, Module, ShapeError, Tensor } from '../../engine/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { embedding, indexSelect, tokenIds, type TokenIds } from '../../kernels/embedding/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { slice } from '../../kernels/rearrange/index.ts';
import { initialised, normal, torchDefault } from './init.ts';
import { LayerNorm, type Pass, ResidualBlock, type RunBlock, type TransformerConfig } from './layers.ts';
import { LearnedPrompt } from './learned_prompt.ts';

/** Sizes of a text encoder; `mlp` is the hidden width. */
export interface TextConfig extends TransformerConfig {
  readonly width: number;
  readonly mlp: number;
  readonly context: number;
  readonly vocab: number;
  /** The token whose first place in a text its feature is taken from; omitted: the largest id of the text. */
  readonly endOfText?: number;
}

/** Token ids of K texts on the GPU, and where each text ends. */
export interface TextBatch {
  /** [K, L] */
  readonly ids: TokenIds;
  /** [K], where the feature of each text is taken from: the end of text. */
  readonly ends: Tensor<'u32'>;
  readonly count: number;
  readonly length: number;
  /** Puts other texts, as many and as long, in their place. */
  write(ids: Int32Array): void;
  [dispose](): void;
}

/**
 * Uploads tokenised texts: `ids` is [K, L] row by row.
 *
 * @param endOfText the token that ends a text, where it does not have the largest id: `TextConfig.endOfText`
 */
export function textBatch(gpu: Gpu, ids: Int32Array, length: number, endOfText?: number): TextBatch {
  const count = ids.length / length;
  if (!Number.isInteger(count) || count === 0) {
    throw new ShapeError('textBatch', `${ids.length} ids are not whole texts of ${length}`);
  }
  const onGpu = { ids: tokenIds(gpu, ids, [count, length]),
    ends: Tensor.from(gpu, endsOf(ids, length, endOfText), [count], 'text ends') };
  return {
    ...onGpu,
    count,
    length,
    write(others) {
      onGpu.ids.write(others);
      onGpu.ends.write(endsOf(others, length, endOfText));
    },
    [dispose]() {
      onGpu.ids.dispose();
      onGpu.ends.dispose();
    },
  };
}

/**
 * Where each text ends: at the first place of a token, or of the largest id.
 *
 * @throws ShapeError where a text lacks the token: transformers would take its first place in silence
 */
function endsOf(ids: Int32Array, length: number, endOfText?: number): Uint32Array {
  return Uint32Array.from({ length: ids.length / length }, (_, k) => {
    const row = ids.subarray(k * length, (k + 1) * length);
    const place = row.indexOf(endOfText ?? row.reduce((a, b) => Math.max(a, b)));
    if (place < 0) throw new ShapeError('textBatch', `text ${k} has no end of text, token ${endOfText}`);
    return place;
  });
}

/** Transformer of the text tower under its official name `transformer.resblocks.i`. */
class TextTransformer extends Module {
  readonly blocks: readonly ResidualBlock[];

  constructor(gpu: Gpu, { width, layers, heads, mlp, activation, eps }: TextConfig) {
    super();
    const outStd = width ** -0.5 * (2 * layers) ** -0.5;
    const init = {
      inProjection: normal(width ** -0.5),
      outProjection: normal(outStd),
      expand: normal((2 * width) ** -0.5),
      contract: normal(outStd),
      expandBias: torchDefault(width),
      contractBias: torchDefault(mlp),
    };
    this.blocks = this.addAll('resblocks',
      Array.from({ length: layers },
        () => new ResidualBlock(gpu, { width, heads, hidden: mlp, activation, eps, causal: true }, init)));
  }
}

/** Options of a text encoder. */
export interface TextOptions {
  /** Learned vectors in front of the words of each text; none if omitted. */
  readonly vectors?: number;
  readonly runBlock?: RunBlock;
}

/** Token ids → one embedding per text. Radford et al. 2021, arXiv:2103.00020, section 2.4. */
export class TextEncoder extends Module {
  readonly config: TextConfig;
  readonly tokenEmbedding: Tensor;
  readonly positionalEmbedding: Tensor;
  readonly transformer: TextTransformer;
  readonly lnFinal: LayerNorm;
  readonly projection: Tensor;
  readonly learned: LearnedPrompt | undefined;
  readonly #runBlock: RunBlock;

  /** @param embedDim E  @param config.endOfText is for who makes a batch: see `textBatch` */
  constructor(gpu: Gpu, config: TextConfig, embedDim: number,
    { vectors, runBlock = (block, x) => block(x) }: TextOptions = {}) {
    super();
    this.config = config;
    this.#runBlock = runBlock;
    const { width, context, vocab } = config;
    this.tokenEmbedding = this.add('token_embedding.weight',
      initialised(gpu, 'token_embedding', [vocab, width], normal(0.02)));
    this.positionalEmbedding = this.add('positional_embedding',
      initialised(gpu, 'positional_embedding', [context, width], normal(0.01)));
    this.transformer = this.add('transformer', new TextTransformer(gpu, config));
    this.lnFinal = this.add('ln_final', new LayerNorm(gpu, width, config.eps));
    this.projection = this.add('text_projection',
      initialised(gpu, 'text_projection', [width, embedDim], normal(width ** -0.5)));
    if (vectors !== undefined) this.learned = this.add('prompts_learned', new LearnedPrompt(gpu, vectors, width));
  }

  /** [K, L] ids, which fit the context with what is learned in front of them → [K, E], not normalised. */
  forward({ ids, ends, length }: TextBatch, pass: Pass = {}): Tensor {
    return this.projection.gpu.scope(() => {
      const [context] = this.positionalEmbedding.shape;
      const before = this.learned?.vectors.shape[0] ?? 0;
      const places = before + length;
      if (places > context) {
        throw new ShapeError('text encoder',
          `texts have ${length} tokens${
            before === 0 ? '' : ` behind ${before} learned vectors`
          }, the context is ${context}`);
      }
      const positions = places === context ? this.positionalEmbedding : slice(this.positionalEmbedding, 0, 0, places);
      const tokens = embedding(this.tokenEmbedding, ids);
      let x = add(this.learned?.forward(tokens) ?? tokens, positions);
      pass.tap?.('text.embeddings', x);
      this.transformer.blocks.forEach((block, i) => {
        x = this.#runBlock((input) => block.forward(input, `text.block${i}`, pass), x);
      });
      x = this.lnFinal.forward(x);
      pass.tap?.('ln_final', x);
      // the end of a text stands so much later: where it was, once as many places are cut off in front
      const pooled = indexSelect(before === 0 ? x : slice(x, 1, before, places), ends);
      pass.tap?.('text.pooled', pooled);
      const features = matmul(pooled, this.projection);
      pass.tap?.('text_features', features);
      return features;
    });
  }
}
