/** Files of a checkpoint folder beside its weights; each is changed alone, and the folder is opened whole. */
import { createHash } from 'node:crypto';
import { encodeSafetensors } from '../../../model/checkpoint/safetensors.ts';
import { openCheckpoint } from '../../../model/checkpoint/folder.node.ts';
import { configToHuggingFace } from '../../../model/checkpoint/huggingface.ts';
import { officialPreprocessor, preprocessorToHuggingFace } from '../../../model/checkpoint/preprocessor.ts';
import { NETWORK_NAMES, networkFor, PRESETS, validateConfig } from '../../../model/systems/config.ts';
import { decodeState, encodeState, type StateFile } from '../../../train/checkpoint/state_file.ts';
import { snapshotAt } from '../../checkpoint_sample.ts';
import type { Random } from '../../../engine/random.ts';
import { drawnBy, lengthOf, mutated, oneIn, pick } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { anyJson, bytesOf, mutatedJson } from '../texts.ts';

/** A model so small that it could have no more numbers. */
const TINY = { ...PRESETS.tiny, vision: { ...PRESETS.tiny.vision, width: 2, mlp: 2, patch: 32 },
  text: { ...PRESETS.tiny.text, width: 2, mlp: 2, vocab: 10 } };
const CONFIG = configToHuggingFace(TINY);
const PREPROCESSOR = preprocessorToHuggingFace(officialPreprocessor(TINY.vision.imageSize), TINY.vision.imageSize);

/** Weights with these names; what they are for is told by them alone. */
async function weightsOf(names: readonly string[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const tensors = names.map((name) => ({ name, shape: [2000] }));
  for await (const piece of encodeSafetensors(tensors, () => new Float32Array(2000))) pieces.push(piece);
  return Buffer.concat(pieces);
}

const weights = await weightsOf(['vision_model.x']);
for (const file of ['config.json', 'preprocessor_config.json', 'processor_config.json']) {
  written(`${file} changed/model.safetensors`, weights);
}
for (const file of ['preprocessor_config.json', 'processor_config.json']) {
  written(`${file} changed/config.json`, JSON.stringify(CONFIG));
}
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
for (const [i, name] of SHARDS.entries()) written(`index changed/${name}`, await weightsOf([`vision_model.${i}`]));
written('index changed/config.json', JSON.stringify(CONFIG));

/** A reader of a folder of which one file is the input. */
const folderReader = (name: string, folder: string, file: string, valid: readonly unknown[], reasons: readonly string[],
  wrong: Readonly<Record<string, (random: Random) => unknown>>): Reader => ({
    name,
    reasons: ['not valid JSON', 'expected an object', ...reasons],
    draw: (random) => drawnBy(random, anyJson(valid)),
    aimed: Object.fromEntries(
      Object.entries(wrong).map(([reason, make]) => [reason, (random) => bytesOf(JSON.stringify(make(random)))]),
    ),
    async read(bytes) {
      written(`${folder}/${file}`, bytes);
      const checkpoint = await openCheckpoint(at(folder));
      const { config, preprocessor: { mean, std } } = checkpoint;
      await checkpoint.close();
      holds(validateConfig(config, 'config.json') === config, 'the configuration is refused a moment later');
      holds([...mean, ...std].every(Number.isFinite) && std.every((value) => value > 0),
        `mean ${mean.join()}, std ${std.join()}`);
    },
  });

const NO_OBJECTS = [null, 3, 'x', [], [{}], true];

const CLIP = { ...CONFIG, model_type: 'clip' };

/** Of networks: the weights beside are of none, and what a configuration says is read first. */
const NETWORKS = NETWORK_NAMES.map((system) =>
  configToHuggingFace(networkFor(system, 'tiny', { frames: 8, imageSize: 32, classes: ['a', 'b'] }))
);

export const modelConfig = folderReader('model config', 'config.json changed', 'config.json', [CONFIG, CLIP,
  ...NETWORKS], [
  'at most',
  'must be',
  'vision_config',
  'text_config',
], {
  'expected an object': (random) => pick(random, NO_OBJECTS),
  'at most': (random) => ({ ...CONFIG,
    vision_config: { ...CONFIG.vision_config as object, num_hidden_layers: 257 + random.below(2 ** 30) } }),
  'must be': (random) => ({ ...CONFIG, projection_dim: pick(random, ['x', [], {}, true]) }),
  vision_config: (random) => ({ ...CONFIG, vision_config: pick(random, NO_OBJECTS) }),
  text_config: (random) => ({ ...CONFIG, text_config: pick(random, [3, 'x', [], true]) }),
});

export const preprocessorConfig = folderReader('preprocessor', 'preprocessor_config.json changed',
  'preprocessor_config.json', [PREPROCESSOR, { ...PREPROCESSOR, do_pad: true }], ['is not a key that is known',
  'which is not done here', 'must be true or false', 'must be a number or three', 'rescale_factor', 'crop_size',
  'must be positive', 'size'], {
  'expected an object': (random) => pick(random, NO_OBJECTS),
  'must be true or false': (random) => ({ ...PREPROCESSOR,
    [pick(random, ['do_resize', 'do_rescale', 'do_normalize', 'do_center_crop'])]: pick(random, [1, 'true', []]) }),
  'must be a number or three': (random) => ({ ...PREPROCESSOR,
    image_mean: pick(random, [[], [1, 2], [0, 0, 'a'], 'x', {}]) }),
  rescale_factor: (random) => ({ ...PREPROCESSOR, rescale_factor: pick(random, [0, -1, 'x', []]) }),
  crop_size: (random) => ({ ...PREPROCESSOR, crop_size: pick(random, [33 + random.below(99), 'x', { height: 1 }]) }),
  'must be positive': (random) => ({ ...PREPROCESSOR, image_std: [1, -random.next(), 1] }),
});

export const processorConfig = folderReader('processor', 'processor_config.json changed', 'processor_config.json', [{
  image_processor: PREPROCESSOR,
}], ['is not a key that is known', 'size'], {
  'expected an object': (random) => pick(random, NO_OBJECTS),
  'is not a key that is known': (random) => ({
    image_processor: { ...PREPROCESSOR, [`odd${random.below(100)}`]: 1 },
  }),
  size: (random) => ({ image_processor: { ...PREPROCESSOR, size: pick(random, [1, -1, 'x', [3], { width: 3 }]) } }),
});

const WEIGHT_MAP = Object.fromEntries(SHARDS.map((name, i) => [`vision_model.${i}`, name]));

export const index = folderReader('index', 'index changed', 'model.safetensors.index.json', [{
  metadata: { total_size: 16000 },
  weight_map: WEIGHT_MAP,
}], ['InvalidIndex', 'IndexMismatch', 'files of its own folder', 'no such file'], {
  'expected an object': (random) => pick(random, NO_OBJECTS),
  InvalidIndex: (random) => ({ weight_map: pick(random, [[], {}, 3, { a: 3 }, { a: null }]) }),
  IndexMismatch: (random) => ({ weight_map: { ...WEIGHT_MAP, [`other${random.below(100)}`]: pick(random, SHARDS) } }),
  'files of its own folder': (random) => ({
    weight_map: { ...WEIGHT_MAP, a: `${pick(random, ['..', '/etc', 'a\\b', 'a'])}/${random.below(100)}.safetensors` },
  }),
  'no such file': (random) => ({ weight_map: { ...WEIGHT_MAP, a: `m${random.below(100)}.safetensors` } }),
});

const STATE: StateFile = { state: snapshotAt(3, 1, [{ step: 2, top1: 0.5, top5: 1, loss: null }]).state,
  files: { 'model.safetensors': { bytes: 5, sha256: 'a'.repeat(64) } } };
const whole = encodeState(STATE);
const { sha256: _, ...content } = JSON.parse(Buffer.from(whole).toString()) as Record<string, unknown>;

/** Content with its right checksum. */
function sealed(json: string): Uint8Array {
  const own: unknown = JSON.parse(json);
  if (typeof own !== 'object' || own === null) return bytesOf(json);
  const sha256 = createHash('sha256').update(JSON.stringify(own)).digest('hex');
  return bytesOf(`${JSON.stringify({ ...own, sha256 }, null, 2)}\n`);
}

export const runState: Reader = {
  name: 'run state',
  reasons: ['not valid JSON', 'does not match its checksum', 'OtherVersion', 'holds no state of a run'],
  draw: (random) =>
    drawnBy(random, [...anyJson([content]), [2, () => mutated(random, whole)], [6, () =>
      sealed(mutatedJson(random, content))], [1, () =>
      sealed(
        JSON.stringify({ ...content,
          version: oneIn(random, 2) ? lengthOf(random, 9) : pick(random, [null, '3', 3.5]) }),
      )]]),
  read(bytes) {
    const found = decodeState('state.json', bytes);
    const { step, seed, optimizer } = found.state;
    holds([step, seed, optimizer.steps, optimizer.skipped].every((value) => Number.isSafeInteger(value) && value >= 0),
      'a counter that cannot be');
    holds(Object.keys(found.files).every((name) => !/[/\\]/.test(name) && !name.startsWith('..')), 'a file elsewhere');
    holds(
      Buffer.compare(Buffer.from(encodeState(decodeState('state.json', encodeState(found)))),
        Buffer.from(encodeState(found))) === 0,
      'it is written otherwise',
    );
  },
};
