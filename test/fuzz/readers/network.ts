/** Files of networks in the names of their authors, which tell a model by names and shapes alone. */
import type { Random } from '../../../engine/random.ts';
import { openCheckpoint } from '../../../model/checkpoint/folder.node.ts';
import type { Origin } from '../../../model/checkpoint/names/index.ts';
import { planFile, type Readable } from '../../../model/checkpoint/encoding.ts';
import { requireHeld } from '../../../model/checkpoint/weights.ts';
import { type NetworkConfig, validateConfig } from '../../../model/systems/config.ts';
import { createModel } from '../../../model/systems/index.ts';
import { nullGpu } from '../../null_gpu.ts';
import { drawnBy, edge, lengthOf, mutated, oneIn, pick } from '../bytes.ts';
import { written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { file } from './safetensors.ts';

const CLIPS = { frames: 4, imageSize: 16, classes: ['a', 'b', 'c'] };
const VIT = { activation: 'gelu', width: 8, layers: 2, heads: 1, mlp: 6, patch: 4, eps: 1e-6 } as const;
const SWIN = { width: 8, depths: [2, 1, 1, 1], heads: [1, 1, 2, 2], mlpRatio: 2, activation: 'gelu',
  eps: 1e-5 } as const;
const FORMS: readonly (readonly [NetworkConfig, readonly Origin[]])[] = [
  [{ ...CLIPS, system: 'timesformer', network: VIT }, ['mmaction', 'timesformer', 'hf-timesformer']],
  [{ ...CLIPS, system: 'timesformer-space', network: VIT }, ['mmaction', 'timesformer-plain']],
  [{ ...CLIPS, system: 'videomae', network: { ...VIT, tubelet: 2, poolEps: 1e-6 } }, ['mmaction-videomae',
    'hf-videomae']],
  [{ ...CLIPS, system: 'tsm', network: { width: 4, blocks: [1, 2], shift: 8, eps: 1e-5, momentum: 0.1 } }, ['mmaction',
    'tsm']],
  [{ ...CLIPS, system: 'video-swin', network: { ...SWIN, window: [2, 3, 3], patch: [2, 4, 4] } }, ['mmaction',
    'swin-fork', 'torchvision-swin']],
  [{ ...CLIPS, system: 'video-swin', network: { ...SWIN, window: [1, 3, 3], patch: [1, 4, 4] } }, ['timm-swin',
    'swin-pictures']],
];

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: string;
}

/** What a file of each form and origin holds. */
const FILES: readonly (readonly Stored[])[] = await (async () => {
  const gpu = await nullGpu();
  const files = FORMS.flatMap(([config, origins]) => {
    using model = createModel(gpu, config);
    const state = [...model.state()] as [string, Readable][];
    return origins.map((origin): readonly Stored[] => planFile(state, origin).tensors);
  });
  gpu.close();
  return files;
})();

/** What some files hold beside the parameters: of windows, and of pixels. */
const BESIDE: readonly (readonly [name: string, shape: readonly number[]])[] = [
  ['backbone.layers.0.blocks.0.attn.relative_position_index', [18, 18]],
  ['layers.0.blocks.0.attn.relative_position_index', [9, 9]],
  ['layers.0.blocks.1.attn_mask', [4, 9, 9]],
  ['data_preprocessor.mean', [3]],
  ['data_preprocessor.std', [3, 1, 1]],
];

/** A number in a name: of another layer, or of none that there could be. */
const otherNumber = (random: Random) => String(oneIn(random, 3) ? edge(random) : random.below(20));

function changed(random: Random, tensors: readonly Stored[]): readonly Stored[] {
  const at = random.below(tensors.length);
  const { name, shape, dtype } = tensors[at];
  const extent = random.below(shape.length + 1);
  const small = random.below(9);
  return pick<() => readonly Stored[]>(random, [
    () => tensors.toSpliced(at, 1),
    () => tensors.with(at, { name: name.replace(/\d+/, () => otherNumber(random)), shape, dtype }),
    () =>
      tensors.with(at, { name: name.replace(/[^.]+$/, () => pick(random, ['weight', 'bias', 'x', ''])), shape, dtype }),
    () => tensors.with(at, { name, shape: shape.toSpliced(extent, 1, small), dtype }),
    () => tensors.with(at, { name, shape: shape.toSpliced(extent, 0, pick(random, [1, small])), dtype }),
    () => tensors.with(at, { name, shape: shape.toSpliced(extent, 1), dtype }),
    () => tensors.with(at, { name, shape, dtype: pick(random, ['F16', 'BF16', 'I64', 'I32', 'U8']) }),
    () => {
      const [own, usual] = pick(random, BESIDE);
      return [...tensors, { name: own, shape: oneIn(random, 2) ? usual : [...usual, small],
        dtype: pick(random, ['F32', 'I64']) }];
    },
  ])();
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1 };

/** The tensors of that name are one: the last. All numbers are alike. */
function fileOf(tensors: readonly Stored[]): Buffer {
  let end = 0;
  const entries = [...new Map(tensors.map((tensor) => [tensor.name, tensor]))].map(
    ([name, { shape, dtype = 'F32' }]) => {
      const begin = end;
      end += BYTES[dtype] * shape.reduce((product, extent) => product * extent, 1);
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    },
  );
  return file(JSON.stringify(Object.fromEntries(entries)), end);
}

/** A file of another layer, window or kind, of one that is right. */
const ofFirst =
  (form: number, change: (tensors: readonly Stored[], random: Random) => readonly Stored[]) => (random: Random) =>
    fileOf(change(FILES[form], random));
const withShape = (tensors: readonly Stored[], ending: string, shape: readonly number[]) =>
  tensors.map((tensor) => (tensor.name.endsWith(ending) ? { ...tensor, shape } : tensor));

export const network: Reader = {
  name: 'network',
  reasons: ['does not fit the model', 'OtherWindows', 'must be a whole number', 'at most', 'WrongDtype', 'WrongShape'],
  draw: (random) =>
    drawnBy(random, [[1, () => mutated(random, fileOf(pick(random, FILES)))], [8, () => {
      let tensors = pick(random, FILES);
      for (let i = 1 + lengthOf(random, 7); i > 0; i--) tensors = changed(random, tensors);
      return fileOf(tensors);
    }]]),
  aimed: {
    OtherWindows: ofFirst(9,
      (tensors, random) => [...tensors, { name: BESIDE[0][0], dtype: 'I64', shape: [17 + random.below(9), 4] }]),
    'at most': ofFirst(9,
      (tensors, random) =>
        withShape(tensors, 'layers.0.blocks.0.attn.relative_position_bias_table', [
          3 * (181 + 2 * random.below(99)) ** 2,
          1,
        ])),
    WrongShape: ofFirst(0,
      (tensors, random) => [...tensors, { name: 'data_preprocessor.mean', shape: [4 + random.below(9)] }]),
    WrongDtype: ofFirst(9, (tensors) => [...tensors, { name: BESIDE[0][0], shape: [18, 18] }]),
  },
  async read(bytes) {
    const { config, weights, preprocessor: { mean, std }, close } = await openCheckpoint(
      written('networks/x.safetensors', bytes),
    );
    try {
      holds(validateConfig(config, 'x') === config, 'the configuration is refused a moment later');
      holds([...mean, ...std].every(Number.isFinite) && std.every((value) => value > 0), `mean ${mean}, std ${std}`);
      requireHeld(config, weights);
      for (const [name, { shape, read }] of weights.readables().slice(0, 3)) {
        const { length } = await read();
        holds(length === shape.reduce((product, extent) => product * extent, 1), `"${name}" has ${length} numbers`);
      }
    } finally {
      await close();
    }
  },
};
