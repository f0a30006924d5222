/** What is asked of a model here: features of videos and of texts, and its own comparison of the two. */
import { type Gpu, NonFiniteError, Tensor } from '../../engine/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { normalize } from '../../kernels/normalize/index.ts';
import { cast } from '../../kernels/rearrange/index.ts';
import { evenly, inputOf, type System, textFeatures, type VideoModel } from '../../model/systems/system.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import { firstNonFinite, requireFiniteWeights } from '../protocols/finite.ts';
import { type Clips, comparedWith } from '../protocols/logits.ts';

/** Features of B clips, in f32 whatever the model is stored as. */
export interface ClipFeatures {
  /** [B, E], each of length 1. */
  readonly unit: Float32Array;
  /** [B, E] and, of X-CLIP, [B, N, E]: what the model compares with texts, to the bit. */
  readonly video: Float32Array;
  readonly patches: Float32Array;
}

/** How clips are shown to a model. */
export function looksOf({ model, preprocessor: { resize, mean, std } }: System) {
  return { frames: model.input.frames, size: model.input.size, resize, mean, std };
}

/**
 * Encodes clips.
 *
 * @param nameOf what errors call a clip
 * @throws NonFiniteError naming the first weight or activation that is not finite
 */
export async function encodeClips(gpu: Gpu, { model, preprocessor }: System, clips: Clips,
  nameOf: (row: number) => string): Promise<ClipFeatures> {
  const input = inputOf(model, preprocessor);
  const { unit, video, patches } = evenly(gpu, () => {
    const made = model.encodeVideo(pixelsOf(gpu, clips, input));
    return { ...made, unit: normalize(cast(made.video, 'f32')) };
  });
  const tensors = [unit, video, ...(patches === undefined ? [] : [patches])];
  const values = (await gpu.read(tensors)) as Float32Array[];
  for (const tensor of tensors) tensor.dispose();
  const flaw = values[0].findIndex((value) => !Number.isFinite(value));
  if (flaw >= 0 || values.some((each) => !each.every(Number.isFinite))) {
    await requireFiniteWeights(model);
    const name = nameOf(Math.max(0, Math.floor(flaw / unit.shape[1])));
    const activation = await firstNonFinite(gpu, (tap) =>
      evenly(gpu, () => model.encodeVideo(pixelsOf(gpu, clips, input), { tap }).video));
    throw new NonFiniteError(
      activation === undefined ? `a feature of ${name}` : `the activation "${activation}" of ${name}`,
    );
  }
  return { unit: values[0], video: values[1], patches: values[2] ?? new Float32Array(0) };
}

/** Unit features of texts, [K, E]. X-CLIP changes those for every video that it compares them with. */
export async function unitTexts(gpu: Gpu, system: System, texts: readonly string[]): Promise<Float32Array> {
  using features = textFeatures(gpu, system, texts);
  using unit = evenly(gpu, () => normalize(cast(features, 'f32')));
  return unit.read();
}

/** What of stored features is compared: B rows, E numbers each, and N patches where the model looks at them. */
export interface Stored {
  readonly rows: number;
  readonly video: Float32Array;
  readonly patches: Float32Array;
}

/** The logits [B, K] that the model gives stored features, as if their clips were encoded anew. */
export function compareStored(gpu: Gpu, { model }: System, { rows, video, patches }: Stored,
  texts: Tensor): Promise<Float32Array> {
  const width = video.length / rows;
  const videos = evenly(gpu, () => ({
    video: stored(gpu, model, video, [rows, width]),
    ...(patches.length > 0
      && { patches: stored(gpu, model, patches, [rows, patches.length / (rows * width), width]) }),
  }));
  return comparedWith(gpu, model, videos, texts);
}

function stored(gpu: Gpu, model: VideoModel, values: Float32Array, shape: readonly number[]): Tensor {
  return cast(Tensor.from(gpu, values, shape, 'stored features'), model.input.type);
}

/** Cosines [B, K] of unit features [B, E] and texts [K, E]. */
export async function cosinesOf(gpu: Gpu, unit: Float32Array, texts: Tensor): Promise<Float32Array> {
  const width = texts.shape[1];
  using cosines = evenly(gpu,
    () =>
      matmul(Tensor.from(gpu, unit, [unit.length / width, width], 'unit features'), normalize(cast(texts, 'f32')), {
        transposeB: true,
      }));
  return cosines.read();
}
