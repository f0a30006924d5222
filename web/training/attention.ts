/** Who attends to whom in a clip, by the weights that the streaming kernel never stores. */
import type { Gpu, Tensor } from '../../engine/index.ts';
import { selfAttention } from '../../kernels/attention/index.ts';
import { cast, slice } from '../../kernels/rearrange/index.ts';
import { attentionWeights } from '../../model/parts/attention_weights.ts';
import type { Attending } from '../../model/parts/layers.ts';
import { evenly, inputOf, textFeatures, type VideoFeatures, type VideoModel } from '../../model/systems/system.ts';
import { pixelsOf } from '../../train/data/views/pixels.ts';
import { batchAt, drawnClips } from '../../train/moving_shapes/drawn.ts';
import { picturesOf } from '../../train/moving_shapes/samples.ts';
import { SEEN, SIDE } from '../../train/moving_shapes/scenes.ts';
import { comparedWith } from '../../train/protocols/logits.ts';
import { rank } from '../../train/protocols/ranking.ts';
import { type Lesson, type LessonPlan, SEEN_NAMES, tokenizerOf } from './lesson.ts';
import type { AttentionLayer, Seen } from './protocol.ts';

/** Branches that are seen: of the frames, and of their messages to one another. */
const BRANCH = /^visual\.block(\d+)\.(message_)?attn$/;

/** What a branch was heard to compute. */
interface Heard {
  readonly layer: number;
  readonly isOfMessages: boolean;
  /** [T, H, 1, N], who the class tokens attend to; of messages [1, H, T, T]. */
  readonly weights: Tensor;
  /** weights · v step by step, and what the streaming kernel makes of the same q, k and v. */
  readonly attended: Tensor;
  readonly streamed: Tensor;
}

/** Looks at a clip of those that a plan measures on. @param place of the clip among them */
export async function seenBy(gpu: Gpu, lesson: Lesson, model: VideoModel,
  { seed, testClips }: Pick<LessonPlan, 'seed' | 'testClips'>, place: number): Promise<Seen> {
  const clip = batchAt(drawnClips('test_seen', seed, testClips), Int32Array.of(place));
  const [label] = clip.labels;
  const heard: Heard[] = [];
  const videos = evenly(gpu, () =>
    model.encodeVideo(pixelsOf(gpu, clip, inputOf(model, lesson.preprocessor)), {
      attends: (name, attending) => {
        const branch = BRANCH.exec(name);
        if (branch !== null) heard.push(listen(gpu, Number(branch[1]), branch[2] !== undefined, attending));
      },
    }));
  try {
    const [guess] = rank(await logitsOf(gpu, lesson, model, videos));
    const values = await gpu.read(heard.flatMap(({ weights, attended, streamed }) => [weights, attended, streamed]));
    const [weights, attended, streamed] = [0, 1, 2].map((of) =>
      heard.map((_, i) => values[3 * i + of] as Float32Array)
    );
    return { place, name: SEEN_NAMES[label], guess: SEEN_NAMES[guess.label], probability: guess.probability, side: SIDE,
      frames: picturesOf('test_seen', seed, place, SEEN[label]), layers: layersOf(heard, weights),
      error: Math.max(...attended.map((one, i) => largestGap(one, streamed[i]))) };
  } finally {
    for (const { weights, attended, streamed } of heard) {
      for (const each of [weights, attended, streamed]) each.dispose();
    }
  }
}

/** Both ways to the same numbers, in f32 whatever the model is stored in. */
function listen(gpu: Gpu, layer: number, isOfMessages: boolean, { qkv, heads, queries, causal }: Attending): Heard {
  const [weights, attended, streamed] = gpu.scope(() => {
    const full = cast(qkv, 'f32');
    const own = attentionWeights({ qkv: full, heads, queries, causal });
    return [isOfMessages ? own.weights : slice(own.weights, 2, 0, 1), own.attended,
      selfAttention(full, heads, { causal, queries })];
  }).map((tensor) => gpu.keep(tensor));
  return { layer, isOfMessages, weights, attended, streamed };
}

async function logitsOf(gpu: Gpu, lesson: Lesson, model: VideoModel, videos: VideoFeatures): Promise<Float32Array> {
  using features = textFeatures(gpu, { model, tokenizer: tokenizerOf(lesson.names) }, SEEN_NAMES);
  return await comparedWith(gpu, model, videos, features);
}

/** What was heard, layer by layer. */
function layersOf(heard: readonly Heard[], weights: readonly Float32Array[]): AttentionLayer[] {
  const layers = new Set(heard.map(({ layer }) => layer));
  return [...layers].map((layer) => {
    const at = (ofMessages: boolean) =>
      heard.findIndex((one) => one.layer === layer && one.isOfMessages === ofMessages);
    const [classes, messages] = [at(false), at(true)];
    const [frames, heads, , tokens] = heard[classes].weights.shape;
    const hasMessages = messages >= 0;
    return { heads, frames, tokens, patches: tokens - (hasMessages ? 2 : 1), ofClasses: weights[classes],
      ...(hasMessages && { ofMessages: weights[messages] }) };
  });
}

const largestGap = (a: Float32Array, b: Float32Array) =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
