/** Branches that are dropped in training: of every network the rates, and that no two branches draw alike. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandsOf, Tensor } from '../engine/index.ts';
import { type ModelConfig, PRESETS, SYSTEM_NAMES } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { familyOf, isNetworkName, networkOf } from '../model/systems/network_config.ts';
import { configFor } from '../model/systems/tower_config.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu({ isFallbackAdapter: true, device: '', description: '' });
const classes = ['a', 'b', 'c'];
const RATE = 0.3;
/** Blocks of each tower, and where it has stages, of each of two. */
const BLOCKS = 4;

function configOf(system: (typeof SYSTEM_NAMES)[number]): ModelConfig {
  if (!isNetworkName(system)) {
    const { tiny } = PRESETS;
    return configFor(system, { ...tiny, vision: { ...tiny.vision, layers: BLOCKS } }, { classes });
  }
  const { tiny } = familyOf(system).presets as { readonly tiny: object };
  const longer = Object.fromEntries(Object.entries({ layers: BLOCKS, depths: [2, 2] }).filter(([key]) => key in tiny));
  const image = 'image' in tiny ? { image: { ...(tiny.image as object), depths: [2, 2] } } : {};
  return networkOf(system, { ...tiny, ...longer, ...image } as never, { frames: 8, imageSize: 32, classes });
}

/** What a pass in training draws, in its order, and one in evaluation: the number of each draw, and its rate. */
function drawnBy(system: (typeof SYSTEM_NAMES)[number]) {
  using model = createModel(gpu, configOf(system), { dropPath: RATE });
  const { frames, size } = model.input;
  using pixels = Tensor.zeros(gpu, [1, frames, 3, size, size], 'pixels');
  using draw = Tensor.zeros(gpu, [4], 'draw', 'u32');
  const [training, evaluation] = commandsOf(gpu,
    ...[{ draw }, {}].map((pass) => () => void gpu.scope(() => model.encodeVideo(pixels, pass)))).map((commands) =>
      commands.flatMap((command) => {
        if (command.kind !== 'dispatch' || !command.label.startsWith('drop')) return [];
        const { layer, rate } = Object.fromEntries(command.params.map(({ name, value }) => [name, value]));
        return [{ layer, rate: Number(rate.toFixed(6)) }];
      })
    );
  return { training, evaluation };
}

/** Branches of a block where these are not attention and MLP: messages and time are more, and CLIP drops none. */
const BRANCHES: Readonly<Record<string, number>> = { xclip: 3, vit: 3, timesformer: 3, 'clip-one': 0, 'clip-mean': 0,
  'clip-joint': 0, 'vit-mean': 0, 'vit-joint': 0 };

for (const system of SYSTEM_NAMES.filter((name) => name !== 'tsm' && name !== 'tsn')) {
  test(`${system}: rates rise linearly from 0 at the first block, and each branch has a draw of its own`, () => {
    const { training, evaluation } = drawnBy(system);
    const draws = training.filter(({ rate }) => rate > 0);
    const branches = BRANCHES[system] ?? 2;
    const want = [1, 2, 3].flatMap((block) => Array<number>(branches).fill(Number(((RATE * block) / 3).toFixed(6))));
    assert.equal(draws.map(({ rate }) => rate), want);
    assert.is(new Set(draws.map(({ layer }) => layer)).size, draws.length, draws.map(({ layer }) => layer).join(' '));
    assert.equal(evaluation, []);
  });
}

test('a ResNet drops no branches', () => {
  assert.equal(drawnBy('tsm').training, []);
});

test.run();
