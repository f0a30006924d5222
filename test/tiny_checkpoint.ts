import type { Gpu } from '../engine/index.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { PRESETS } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { Xclip } from '../model/systems/xclip.ts';

export interface TinyOptions {
  /** All that it will ever be told. */
  readonly texts: readonly string[];
  readonly frames: number;
}

/**
 * Writes a model with all parts, as small as may be. CLIP's 49,408 tokens would be nine tenths of its weights, and of
 * the time that it takes to draw, train and save them: it knows the words of some texts alone.
 */
export async function writeTiny(gpu: Gpu, folder: string, { texts, frames }: TinyOptions): Promise<void> {
  const { tokenizer } = (await clipTokenizer()).compact(texts);
  const { vision, text } = PRESETS.tiny;
  using model = new Xclip(gpu, { ...PRESETS.tiny, frames, vision: { ...vision, layers: 2 },
    text: { ...text, layers: 1, vocab: tokenizer.vocabSize } });
  initialise(model, 9);
  await saveCheckpoint(folder, { config: model.config, parameters: [...model.parameters()], tokenizer,
    preprocessor: officialPreprocessor(model.config.vision.imageSize) });
}
