/** All systems, by name. */
import type { Gpu } from '../../engine/index.ts';
import { Clip } from './clip.ts';
import type { ModelConfig, SystemName } from './config.ts';
import type { ModelOptions, VideoModel } from './system.ts';
import { CoSwin, Florence } from './coswin.ts';
import { TimeSformer } from './timesformer.ts';
import { Tsm } from './tsm.ts';
import { VideoSwin } from './video_swin.ts';
import { VideoMae } from './videomae.ts';
import { Vit } from './vit.ts';
import { Xclip } from './xclip.ts';

type Maker<C> = new(gpu: Gpu, config: C, options?: ModelOptions) => VideoModel;
/** The configuration of a family that has a system. */
type ConfigOf<S> = ModelConfig extends infer C ?
  C extends { readonly system: infer N } ? S extends N ? C : never : never
  : never;

const SYSTEMS: { readonly [S in SystemName]: Maker<ConfigOf<S>> } = {
  xclip: Xclip,
  'clip-one': Clip,
  'clip-mean': Clip,
  'clip-joint': Clip,
  vit: Vit,
  'vit-mean': Vit,
  'vit-joint': Vit,
  timesformer: TimeSformer,
  'timesformer-joint': TimeSformer,
  'timesformer-space': TimeSformer,
  tsm: Tsm,
  tsn: Tsm,
  'video-swin': VideoSwin,
  videomae: VideoMae,
  coswin: CoSwin,
  'x-florence': Florence,
};

/** A model of the system that a configuration describes; its parameters are zero. */
export function createModel(gpu: Gpu, config: ModelConfig, options?: ModelOptions): VideoModel {
  const make = SYSTEMS[config.system] as Maker<ModelConfig>;
  return new make(gpu, config, options);
}
