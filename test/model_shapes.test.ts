/** What goes through each network: shapes from stage to stage, shifts, what training drops. Nothing runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandsOf, type Shape, Tensor } from '../engine/index.ts';
import { configFor, familyOf, isNetworkName, type ModelConfig, networkFor, type NetworkName, networkOf,
  type NetworkSizes, PRESETS, RESNETS, SWINS, SYSTEM_NAMES, withOneBlock } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu({ isFallbackAdapter: true, device: '', description: '' });
const classes = ['a', 'b', 'c'];
const [VIDEOS, FRAMES] = [2, 6];

/** What a pass hears, and what it launches. @param draw as in training */
function passOf(config: ModelConfig, { dropout, isTraining = false }: { dropout?: number; isTraining?: boolean } = {}) {
  using model = createModel(gpu, config, { dropout });
  const { frames, size } = model.input;
  using pixels = Tensor.zeros(gpu, [VIDEOS, frames, 3, size, size], 'pixels');
  using draw = Tensor.zeros(gpu, [4], 'draw', 'u32');
  const heard: [string, Shape][] = [];
  const [commands] = commandsOf(gpu, () =>
    void gpu.scope(() => {
      const videos = model.encodeVideo(pixels, { ...(isTraining && { draw }),
        tap: (name, { shape }) => heard.push([name, shape]) });
      if (model.texts === undefined) model.compare(videos, undefined, { ...(isTraining && { draw }) });
    }));
  const launches = commands.flatMap((command) =>
    command.kind === 'dispatch'
      ? [{ label: command.label, params: Object.fromEntries(command.params.map(({ name, value }) => [name, value])) }]
      : []
  );
  return { heard: new Map(heard), launches };
}

/** What the block that stands for all takes and gives. */
function blockOf(config: ModelConfig): readonly Shape[] {
  using model = createModel(gpu, config);
  const shape = model.blockShape(VIDEOS, config.frames);
  using tokens = Tensor.zeros(gpu, shape, 'tokens');
  let after: Shape = [];
  commandsOf(gpu, () =>
    void gpu.scope(() => {
      after = model.block(tokens).shape;
    }));
  return [shape, after];
}

const network = (system: NetworkName, sizes: NetworkSizes, imageSize: number) =>
  networkOf(system, sizes, { frames: FRAMES, imageSize, classes });

test('each stage of a network has half the side of the one before, rounded up, and twice the channels', () => {
  const frames = VIDEOS * FRAMES;
  for (const [side, stages] of [[44, [11, 6, 3, 2]], [64, [16, 8, 4, 2]]] as const) {
    const resnet = network('tsm', { ...RESNETS.presets.tiny, blocks: [2, 1, 1, 3] }, side);
    const blocks = ['1.0', '1.1', '2.0', '3.0', '4.0', '4.1', '4.2'];
    assert.equal([...passOf(resnet).heard].filter(([name]) => name !== 'logits'), blocks.map((name) => {
      const stage = Number(name[0]) - 1;
      return [`backbone.layer${name}`, [frames, stages[stage], stages[stage], 64 * 2 ** stage]];
    }));
    assert.equal(blockOf(resnet), [[frames, stages[1], stages[1], 128], [frames, stages[2], stages[2], 256]]);

    const own = { depths: [1, 1, 3], heads: [1, 2, 4] };
    const ofVideos = network('video-swin', { ...SWINS.presets.tiny, ...own }, side);
    const ofFrames = network('coswin', { ...familyOf('coswin').presets.tiny, ...own } as NetworkSizes, side);
    const [swin, coswin] = [passOf(ofVideos), passOf(ofFrames)];
    for (const [stage, i] of [[0, 0], [1, 0], [2, 0], [2, 2]]) {
      const tokens = [stages[stage], stages[stage], 32 * 2 ** stage];
      assert.equal(swin.heard.get(`backbone.stage${stage}.${i}`), [VIDEOS, FRAMES / 2, ...tokens]);
      assert.equal(coswin.heard.get(`visual.stage${stage}.${i}`), [frames, ...tokens]);
    }
    const middle = [stages[1], stages[1], 64];
    assert.equal(blockOf(ofVideos), Array(2).fill([VIDEOS, FRAMES / 2, ...middle]));
    assert.equal(blockOf(ofFrames), Array(2).fill([frames, ...middle]));
  }
});

test('of transformers a block takes all tokens of videos, as its attention has them', () => {
  const of = (system: (typeof SYSTEM_NAMES)[number]) => {
    const config = isNetworkName(system)
      ? networkFor(system, 'tiny', { frames: FRAMES, imageSize: 32, classes })
      : configFor(system, { ...PRESETS.tiny, frames: FRAMES }, { classes });
    // the first block stands for all, also where it is the only one
    const [block, { heard }] = [blockOf(withOneBlock(config)), passOf(config)];
    const first = heard.get('visual.ln_pre') ?? heard.get('backbone.embeddings');
    if (first !== undefined) assert.equal(first, block[0], `${system}: as the first block is given`);
    assert.equal(block[1], block[0], system);
    return block[0];
  };
  const frames = VIDEOS * FRAMES;
  for (const [system, shape] of [['xclip', [frames, 17, 64]], ['clip-mean', [frames, 17, 64]], ['clip-joint', [VIDEOS,
    1 + 16 * FRAMES, 64]], ['clip-one', [VIDEOS, 17, 64]], ['vit', [frames, 17, 64]], ['vit-joint', [VIDEOS,
    1 + 16 * FRAMES, 64]], ['timesformer', [VIDEOS, FRAMES, 17, 64]], ['timesformer-joint', [VIDEOS, 1 + 16 * FRAMES,
    64]], ['timesformer-space', [frames, 17, 64]], ['videomae', [VIDEOS, 16 * (FRAMES / 2), 64]]] as const) {
    assert.equal(of(system), shape, system);
  }
});

test('every second block of a stage shifts its windows by half of them', () => {
  const shiftsOf = (system: NetworkName, sizes: NetworkSizes, imageSize: number) =>
    passOf(network(system, sizes, imageSize)).launches.filter(({ label }) => /^windows\.(?!patches)/.test(label))
      .map(({ params: { shift0, shift1, shift2 } }) => `${shift0} ${shift1} ${shift2}`);
  const twice = (...blocks: readonly string[]) => blocks.flatMap((shift) => [shift, shift]);
  const own = { depths: [3, 2], heads: [1, 2] };
  // of three frames of tokens windows of two are shifted by one, of 16 and of 8 tokens windows of 4 by 2
  assert.equal(shiftsOf('video-swin', { ...SWINS.presets.tiny, ...own, window: [2, 4, 5] }, 64),
    twice('0 0 0', '1 2 2', '0 0 0', '0 0 0', '1 2 2'));
  const coswin = { ...familyOf('coswin').presets.tiny, ...own } as NetworkSizes;
  const flat = shiftsOf('coswin', coswin, 64).map((shift) => shift.includes('2'));
  assert.equal(flat, twice('0', '2', '0', '0', '2').map((shift) => shift === '2'));
});

test('a TSM shifts an eighth of the channels in each bottleneck, and in every second of a stage of 23; a TSN none', () => {
  for (const [blocks, shifted] of [[[1, 22, 1, 1], 25], [[1, 23, 1, 1], 15]] as const) {
    const config = network('tsm', { ...RESNETS.presets.tiny, blocks: [...blocks] }, 32);
    const shifts = passOf(config).launches.filter(({ label }) => label.startsWith('temporal_shift'));
    assert.is(shifts.length, shifted, `${blocks}`);
    assert.equal([shifts[0].params.frames, shifts[0].params.channels / shifts[0].params.fold], [FRAMES, 8]);
  }
  const tsn = passOf(network('tsn', RESNETS.presets.tiny, 32)).launches;
  assert.equal(tsn.filter(({ label }) => label.startsWith('temporal_shift')), []);
});

test('in front of a head features are dropped at the rate that is asked for, in training alone', () => {
  for (const system of SYSTEM_NAMES.filter((name) => name.startsWith('vit') || isNetworkName(name))) {
    if (system === 'x-florence') continue; // has no head
    const config = isNetworkName(system)
      ? networkFor(system, 'tiny', { frames: FRAMES, imageSize: 32, classes })
      : configFor(system, { ...PRESETS.tiny, frames: FRAMES }, { classes });
    const dropped = (options: Parameters<typeof passOf>[1]) =>
      passOf(config, options).launches.filter(({ label, params }) =>
        label.startsWith('drop') && params.layer === 2 ** 20
      ).map(({ params: { n, rate } }) => [n, Number(rate.toFixed(6))]);
    const [features, isOfFrames] = [dropped({ dropout: 0.3, isTraining: true }), system === 'tsm' || system === 'tsn'];
    assert.equal(features.map(([, rate]) => rate), [0.3], system);
    assert.is(features[0][0] % (isOfFrames ? VIDEOS * FRAMES : VIDEOS), 0);
    assert.equal(dropped({ isTraining: true }), [], `${system}: nothing was asked for`);
    if (system === 'vit' || isOfFrames) assert.equal(dropped({ dropout: 0.3 }), [], `${system}: not in training`);
  }
});

test('videos are compared with one text of each class, or with several that are averaged', () => {
  const { tiny } = PRESETS;
  const sizes = { ...tiny, frames: FRAMES, text: { ...tiny.text, vocab: 50 } };
  for (const system of ['xclip', 'clip-mean'] as const) {
    using model = createModel(gpu, configFor(system, sizes));
    using pixels = Tensor.zeros(gpu, [VIDEOS, FRAMES, 3, 32, 32], 'pixels');
    for (const shape of [[5, 64], [5, 1, 64], [5, 3, 64]]) {
      using features = Tensor.zeros(gpu, shape, 'texts');
      let logits: Shape = [];
      commandsOf(gpu, () =>
        void gpu.scope(() => {
          logits = model.forward(pixels, { features }).shape;
        }));
      assert.equal(logits, [VIDEOS, 5], `${system}: [${shape}]`);
    }
  }
});

test.run();
