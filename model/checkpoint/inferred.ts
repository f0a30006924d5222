/** What the names and shapes of a file tell of its model, where no configuration lies beside it. */
import type { VisionConfig } from '../parts/vit.ts';
import { configFor, headsOf, type ModelConfig, ofImageNet, validateConfig } from '../systems/config.ts';
import { HeldShapes } from './held_shapes.ts';
import { inferNetwork, isOfNetwork } from './inferred_network.ts';
import type { Weights } from './weights.ts';

/** Of layer norms in Hugging Face's ViTs, where others have 1e-6. */
const HUGGING_FACE_VIT_EPS = 1e-12;
/** What X-CLIP has and CLIP has not. */
const X_CLIP = /^(mit|prompts_\w+)\.|\.message_/;
const TEXT = /^(token_embedding|transformer)\./;

/**
 * The configuration that shapes tell: of X-CLIP, of CLIP, which averages over frames, of a ViT without a head, or of
 * another network. Heads of attention do not show in shapes: they are 64 wide, as the official code has it.
 *
 * @throws StateDictError naming what is missing of it
 */
export function inferConfig(weights: Weights): ModelConfig {
  if (isOfNetwork(weights)) return inferNetwork(weights);
  const held = new HeldShapes(weights);
  const { names, parameters } = held;
  const shape = (name: string, rank: number) => held.shape(name, rank);
  const layers = (prefix: string) => held.count(prefix);

  const [width, , patch] = shape('visual.conv1.weight', 4);
  const [tokens] = shape('visual.positional_embedding', 2);
  const [visionMlp] = shape('visual.transformer.resblocks.0.mlp.c_fc.weight', 2);
  const vision: VisionConfig = { activation: 'quick_gelu', width, layers: layers('visual.transformer.resblocks.'),
    heads: headsOf(width), mlp: visionMlp, patch, imageSize: patch * Math.round(Math.sqrt(tokens - 1)) };
  const isXclip = names.some((name) => X_CLIP.test(name));
  if (held.isWhole && !isXclip && !names.some((name) => TEXT.test(name))) {
    const isImageNets = parameters.has('visual.conv1.bias') && !parameters.has('visual.ln_pre.weight');
    const ofOrigin = weights.origin.startsWith('hf-vit') ? { eps: HUGGING_FACE_VIT_EPS } : {};
    const embedDim = parameters.has('visual.proj') ? shape('visual.proj', 2)[1] : undefined;
    held.requireAll();
    return validateConfig({ system: 'vit-mean', frames: 8, classes: [], ...(embedDim !== undefined && { embedDim }),
      vision: isImageNets ? { ...ofImageNet(vision), ...ofOrigin } : vision }, weights.path);
  }

  const [, embedDim] = shape('visual.proj', 2);
  const [vocab, textWidth] = shape('token_embedding.weight', 2);
  const [context] = shape('positional_embedding', 2);
  const [textMlp] = shape('transformer.resblocks.0.mlp.c_fc.weight', 2);
  const [, frames] = isXclip ? shape('mit.positional_embedding', 3) : [0, 8];
  const [mitMlp] = isXclip ? shape('mit.resblocks.0.mlp.c_fc.weight', 2) : [4 * embedDim];
  const own = { activation: 'quick_gelu', heads: headsOf(embedDim) } as const;
  held.requireAll();
  return validateConfig(
    configFor(isXclip ? 'xclip' : 'clip-mean', {
      system: 'xclip',
      embedDim,
      frames,
      vision,
      text: { activation: 'quick_gelu', width: textWidth, layers: layers('transformer.resblocks.'),
        heads: headsOf(textWidth), mlp: textMlp, context, vocab },
      mit: { ...own, layers: isXclip ? layers('mit.resblocks.') : 1, mlp: mitMlp },
      prompts: { ...own, layers: isXclip ? layers('prompts_generator.decoder.') : 2, alpha: 0.1 },
    }),
    weights.path,
  );
}
