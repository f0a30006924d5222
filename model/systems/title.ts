/** Models in words. */
import { familyOf, imageSizeOf, isNetwork, type ModelConfig, presetOf, type SystemName } from './config.ts';

/** What systems are called where people read. */
export const SYSTEM: Readonly<Record<SystemName, string>> = { xclip: 'X-CLIP', 'clip-one': 'CLIP-One',
  'clip-mean': 'CLIP-Mean', 'clip-joint': 'CLIP-Joint', vit: 'ViT', 'vit-mean': 'ViT-Mean', 'vit-joint': 'ViT-Joint',
  timesformer: 'TimeSformer', 'timesformer-joint': 'TimeSformer-Joint', 'timesformer-space': 'TimeSformer-Space',
  tsm: 'TSM', tsn: 'TSN', 'video-swin': 'Video Swin', videomae: 'VideoMAE', coswin: 'CoSwin (reconstructed)',
  'x-florence': 'X-Florence (reconstructed)' };

/** Its sizes in words. */
function wordsOf(model: ModelConfig): string {
  if (isNetwork(model)) return familyOf(model.system).words(model.network);
  const { width, layers, patch } = model.vision;
  return `width ${width}, ${layers} layers, patches of ${patch}`;
}

/** The model in words: its system, and the published architecture that it has. */
export function titleOf(model: ModelConfig): string {
  const preset = presetOf(model) ?? wordsOf(model);
  const size = imageSizeOf(model);
  return `${SYSTEM[model.system]} ${preset}, ${model.frames} frames of ${size} x ${size}`;
}
