/** A checkpoint folder opened as a page would, and what it takes a clip of noise for. */
import { type Gpu, open, Random } from '../../engine/index.ts';
import type { I420Frame } from '../../kernels/frames/index.ts';
import { bytesOfBlob } from '../../model/checkpoint/bytes.ts';
import { configFromHuggingFace } from '../../model/checkpoint/huggingface.ts';
import { loadWeights } from '../../model/checkpoint/loading.ts';
import { openTensors } from '../../model/checkpoint/open.ts';
import { preprocessorFromHuggingFace } from '../../model/checkpoint/preprocessor.ts';
import { Weights } from '../../model/checkpoint/weights.ts';
import { imageSizeOf } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import { inputOf, type System, textFeatures } from '../../model/systems/system.ts';
import { ClipTokenizer } from '../../model/tokenizer.ts';
import { logitsOf } from '../../train/protocols/logits.ts';
import { type Guess, rank } from '../../train/protocols/ranking.ts';

/** What there is to choose from. */
export const NAMES = ['juggling', 'surfing', 'a red square moving left'];
/** Of a picture, in pixels: odd, and not square. */
const [WIDTH, HEIGHT] = [45, 37];

/** A system, whose texts, if it has any, this tokenizer reads. */
type Asked = Pick<System, 'model' | 'preprocessor'> & Partial<Pick<System, 'tokenizer'>>;

/** The checkpoint at an address, asked in the page that this is called in. */
export async function predict(address: string): Promise<readonly Guess[]> {
  const get = async (name: string) => {
    const response = await fetch(`${address}/${name}`);
    if (!response.ok) throw new Error(`${address}/${name}: ${response.status}`);
    return response;
  };
  const config = configFromHuggingFace(await (await get('config.json')).json(), 'config.json');
  const preprocessor = preprocessorFromHuggingFace(await (await get('preprocessor_config.json')).json(),
    imageSizeOf(config), 'preprocessor_config.json');
  await using gpu = await open();
  using model = createModel(gpu, config);
  const bytes = bytesOfBlob('model.safetensors', await (await get('model.safetensors')).blob());
  await loadWeights(model, new Weights(bytes.name, [await openTensors(bytes)]));
  const tokenizer = model.texts &&
    ClipTokenizer.fromJson(await (await get('tokenizer.json')).text(),
      await (await get('tokenizer_config.json')).text(), 'tokenizer.json');
  return await guesses(gpu, { model, preprocessor, tokenizer });
}

/** What a system takes a clip of noise for, among its classes or names. */
export async function guesses(gpu: Gpu, { model, preprocessor, tokenizer }: Asked): Promise<readonly Guess[]> {
  using features = tokenizer && textFeatures(gpu, { model, tokenizer }, NAMES);
  const clip = { frames: noise(model.input.frames),
    views: [{ crop: { x: 2, y: 1, width: HEIGHT - 1, height: HEIGHT - 1 }, flip: false }] };
  return rank(
    await logitsOf(gpu, model, clip, { features, input: inputOf(model, preprocessor), nameOf: () => 'noise' }),
  );
}

function noise(frames: number): I420Frame[] {
  const random = new Random(1, 'clip');
  const size = WIDTH * HEIGHT + 2 * Math.ceil(WIDTH / 2) * Math.ceil(HEIGHT / 2);
  return Array.from({ length: frames },
    () => ({ width: WIDTH, height: HEIGHT, matrix: 'bt601', range: 'limited',
      data: Uint8Array.from({ length: size }, () => 16 + random.below(220)) }));
}
