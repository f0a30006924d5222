import { StateDictError } from '../../engine/errors.ts';
import type { Shape } from '../../engine/index.ts';
import { headsOf, validateConfig, type XclipConfig } from '../systems/config.ts';

/**
 * The configuration of a file in official names, from its shapes. Heads do not show in shapes: they are as the official
 * code has it.
 *
 * @param path names the file in errors
 */
export function inferConfig(names: readonly string[], shapeOf: (name: string) => Shape | undefined,
  path: string): XclipConfig {
  const missing: string[] = [];
  const shape = (name: string, rank: number): Shape => {
    const found = shapeOf(name);
    if (found?.length === rank) return found;
    missing.push(found === undefined ? name : `${name} with ${rank} dimensions (it is [${found}])`);
    return new Array<number>(rank).fill(1);
  };
  const layers = (prefix: string) =>
    new Set(names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length).split('.')[0]))
      .size;

  const [width, , patch] = shape('visual.conv1.weight', 4);
  const [tokens] = shape('visual.positional_embedding', 2);
  const [, embedDim] = shape('visual.proj', 2);
  const [vocab, textWidth] = shape('token_embedding.weight', 2);
  const [context] = shape('positional_embedding', 2);
  const [, frames] = shape('mit.positional_embedding', 3);
  const [visionMlp] = shape('visual.transformer.resblocks.0.mlp.c_fc.weight', 2);
  const [textMlp] = shape('transformer.resblocks.0.mlp.c_fc.weight', 2);
  const [mitMlp] = shape('mit.resblocks.0.mlp.c_fc.weight', 2);
  if (missing.length > 0) throw new StateDictError(path, { missing, unexpected: [], mismatched: [] });
  return validateConfig(
    {
      system: 'xclip',
      embedDim,
      frames,
      vision: { activation: 'quick_gelu', width, layers: layers('visual.transformer.resblocks.'), heads: headsOf(width),
        mlp: visionMlp, patch, imageSize: patch * Math.round(Math.sqrt(tokens - 1)) },
      text: { activation: 'quick_gelu', width: textWidth, layers: layers('transformer.resblocks.'),
        heads: headsOf(textWidth), mlp: textMlp, context, vocab },
      mit: { activation: 'quick_gelu', layers: layers('mit.resblocks.'), heads: headsOf(embedDim), mlp: mitMlp },
      prompts: { activation: 'quick_gelu', layers: layers('prompts_generator.decoder.'), heads: headsOf(embedDim),
        alpha: 0.1 },
    },
    path,
  );
}
