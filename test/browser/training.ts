import { open, Random, Tensor } from '../../engine/index.ts';
import { crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import type { XclipConfig } from '../../model/systems/config.ts';
import { initialise } from '../../model/parts/init.ts';
import { textBatch } from '../../model/parts/text.ts';
import { Xclip } from '../../model/systems/xclip.ts';
import { AdamW } from '../../train/recipe/optimizer/index.ts';
import { recordStep } from '../../train/recipe/stage.ts';

const STEPS = 10;
const SEED = 5;
const CLASSES = 4;
const LEARNING_RATE = 2e-3;

/** Small enough for a slow adapter, with every part of X-CLIP and more than one head, layer, frame and patch. */
export const CONFIG: XclipConfig = {
  system: 'xclip',
  embedDim: 32,
  frames: 3,
  vision: { activation: 'quick_gelu', width: 32, layers: 2, heads: 2, mlp: 64, patch: 8, imageSize: 16 },
  text: { activation: 'quick_gelu', width: 32, layers: 2, heads: 2, mlp: 64, context: 8, vocab: 40 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 64 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.1 },
};

/** One training run. */
export interface Training {
  /** The loss before each step. */
  readonly losses: readonly number[];
  /** SHA-256 of all weights afterwards. */
  readonly weights: string;
}

/**
 * Ten steps of a tiny X-CLIP on four videos of noise, each with a text of its own.
 *
 * @param isCaptured whether the first step is recorded and the others replay it
 */
export async function train(isCaptured: boolean): Promise<Training> {
  await using gpu = await open();
  const { frames, vision, text } = CONFIG;
  const model = new Xclip(gpu, CONFIG);
  initialise(model, SEED);
  const parameters = [...model.parameters()];
  const optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0.01, parameters }], { beta1: 0.9,
    beta2: 0.98, eps: 1e-8, maxNorm: 1 });

  const random = new Random(SEED, 'videos');
  const shape = [CLASSES, frames, 3, vision.imageSize, vision.imageSize];
  const noise = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
  const pixels = gpu.keep(Tensor.from(gpu, noise, shape, 'pixels'));
  const labels = gpu.keep(Tensor.from(gpu, Uint32Array.from({ length: CLASSES }, (_, k) => k), [CLASSES], 'labels'));
  const [start, end] = [text.vocab - 2, text.vocab - 1];
  const ids = Int32Array.from({ length: CLASSES * text.context },
    (_, i) => [start, Math.floor(i / text.context), 7, end][i % text.context] ?? 0);
  const texts = textBatch(gpu, ids, text.context);

  const record = () => recordStep(optimizer, 1, () => crossEntropyWithLabels(model.forward(pixels, texts), labels));
  const captured = gpu.capture(record);
  optimizer.schedule([LEARNING_RATE]);
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const { losses: [loss], control } = isCaptured ? captured.run() : gpu.scope(record);
    const [[value], [, , notFinite]] = (await gpu.read([loss, control])) as Float32Array[];
    if (notFinite !== 0) throw new Error(`step ${step + 1}: a gradient is not finite`);
    losses.push(value);
    if (isCaptured) continue;
    loss.dispose();
    control.dispose();
  }
  return { losses, weights: await digest((await gpu.read(parameters.map(([, tensor]) => tensor))) as Float32Array[]) };
}

async function digest(arrays: readonly Float32Array[]): Promise<string> {
  const bytes = await new Blob(arrays.map((array) => array as Float32Array<ArrayBuffer>)).arrayBuffer();
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
}
