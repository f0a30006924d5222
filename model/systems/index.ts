/** All systems, by name. */
import type { Gpu } from '../../engine/index.ts';
import { Clip } from './clip.ts';
import type { ModelConfig } from './config.ts';
import type { ModelOptions } from './text_model.ts';
import type { VideoModel } from './system.ts';
import { Xclip } from './xclip.ts';

/** A model of the system that a configuration describes; its parameters are zero. */
export function createModel(gpu: Gpu, config: ModelConfig, options?: ModelOptions): VideoModel {
  return config.system === 'xclip' ? new Xclip(gpu, config, options) : new Clip(gpu, config, options);
}
