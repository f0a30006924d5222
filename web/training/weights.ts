/** Weights, from a model to what is kept of a run, and back. */
import { assign, type Gpu } from '../../engine/index.ts';
import { Clip } from '../../model/systems/clip.ts';
import type { VideoModel } from '../../model/systems/system.ts';
import { Xclip } from '../../model/systems/xclip.ts';
import type { Kept } from './kept.ts';
import type { Lesson } from './lesson.ts';

/** Parameters from where they were kept; those of parts that were not there yet stay as they are. */
export function fill(model: VideoModel, weights: Kept['weights'] | undefined): void {
  for (const [name, parameter] of model.parameters()) {
    const values = weights?.get(name);
    if (values !== undefined) assign(name, parameter, values);
  }
}

/** Parameters by name; of those that are stored as f16 what is trained. */
export async function weightsOf(gpu: Gpu, model: VideoModel): Promise<Map<string, Float32Array>> {
  const parameters = [...model.parameters()];
  const values = await gpu.read(parameters.map(([, parameter]) => parameter.master ?? parameter));
  return new Map(parameters.map(([name], i) => [name, values[i] as Float32Array]));
}

/** The model of a run that is kept, in f32. The caller disposes of it. */
export function keptModel(gpu: Gpu, { clip, xclip }: Pick<Lesson, 'clip' | 'xclip'>,
  { stage, weights }: Pick<Kept, 'stage' | 'weights'>): Clip | Xclip {
  const model = stage === 'CLIP' ? new Clip(gpu, clip) : new Xclip(gpu, xclip);
  fill(model, weights);
  return model;
}
