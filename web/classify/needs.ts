/** What a checkpoint needs of an adapter, known before anything is loaded. */
import { ENGINE_BYTES, estimate, type FloatType, type Gpu, LimitError, storedAs } from '../../engine/index.ts';
import { CLIP_VOCAB, type ModelConfig } from '../../model/systems/config.ts';
import type { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { withFewTokens } from '../../model/checkpoint/token_table.ts';
import { createModel } from '../../model/systems/index.ts';
import { evaluateOnce } from '../../train/protocols/batch.ts';
import type { Needs } from './protocol.ts';

/** Of CLIP's tokenizer, which is meant where there is no other. */
const CLIP = { vocabSize: CLIP_VOCAB, end: CLIP_VOCAB - 1 };
/** Labels that a clip is compared with: as many as data sets of actions have. */
const TEXTS = 400;

/** By how weights are stored: f16 where the adapter has it. */
export function needsOf(gpu: Gpu, { config, tokenizer }: Checkpoint): Partial<Record<FloatType, Needs>> {
  const own = withFewTokens(config, tokenizer ?? CLIP);
  const types: readonly FloatType[] = gpu.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];
  return Object.fromEntries(types.map((type) => [type, needs(gpu, own, type)]));
}

function needs(gpu: Gpu, config: ModelConfig, type: FloatType): Needs {
  let [weights, largest] = [0, 0];
  try {
    const { totalBytes } = estimate(gpu, () => {
      const model = storedAs(type, () => createModel(gpu, config));
      for (const [, { bytes }] of model.state()) {
        weights += bytes;
        largest = Math.max(largest, bytes);
      }
      evaluateOnce(gpu, model, 1, TEXTS);
    });
    return { weights, largest, clip: Math.max(0, totalBytes - weights) + ENGINE_BYTES };
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    return { weights, largest, clip: 0, refusal: error.message };
  }
}
