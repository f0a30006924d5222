/** MixUp and CutMix in training: what is drawn, and a step's loss beside float64. */
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { close } from './close.ts';
import { noGrad, open, Random, Tensor } from '../engine/index.ts';
import * as blends from '../kernels/blend/reference.ts';
import { crossEntropy } from '../kernels/cross_entropy/reference.ts';
import type { XclipConfig } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch } from '../model/parts/text.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { boxAround, drawMix, isMixing, type Mix, packMix } from '../train/recipe/blending.ts';
import { RunStep } from '../train/recipe/step.ts';

const gpu = await open();
const RECIPE = { mixup: 0.8, cutmix: 1, mixSwitch: 0.5 };
const PICTURE = { height: 30, width: 40 };
const BATCH = { batch: 7, ...PICTURE };
const isCut = ({ box: [x1, , x2] }: Mix) => x2 > x1;

for (const [a, b] of [[0.8, 0.8], [1, 1], [0.2, 0.2], [3, 3], [2, 5], [0.5, 4]]) {
  test(`Beta(${a}, ${b}) has its mean, its variance and its third moment`, () => {
    const random = new Random(11, 'beta');
    const n = 20_000;
    const draws = Array.from({ length: n }, () => random.beta(a, b));
    assert.ok(draws.every((x) => x >= 0 && x <= 1));
    // E[xᵏ] = Π (a + i) / (a + b + i)
    const moment = (k: number) => Array.from({ length: k }, (_, i) => (a + i) / (a + b + i)).reduce((p, q) => p * q);
    for (const k of [1, 2, 3]) {
      const mean = draws.reduce((sum, x) => sum + x ** k, 0) / n;
      const deviation = Math.sqrt((moment(2 * k) - moment(k) ** 2) / n);
      assert.ok(Math.abs(mean - moment(k)) < 4 * deviation, `E[x^${k}] is ${mean}, expected ${moment(k)}`);
    }
  });
}

test('draws of Beta are what they were, those of tiny shapes are at the ends, and others are refused', () => {
  const random = new Random(1024, 'golden');
  assert.equal(Array.from({ length: 4 }, () => random.beta(0.8, 0.8).toFixed(12)), GOLDEN);
  const ends = Array.from({ length: 200 }, () => random.beta(1e-3, 1e-3));
  assert.ok(ends.filter((x) => x < 0.01 || x > 0.99).length > 190 && ends.every(Number.isFinite));
  for (const [a, b] of [[0, 1], [1, Number.NaN], [-1, 1]]) assert.throwsWith(() => random.beta(a, b), /above 0, got/);
});
const GOLDEN = ['0.244225491277', '0.998967643936', '0.748751304027', '0.123261925391'];

test('one mix a micro-batch: a function of seed and number, half of them CutMix, or all of the one that is on', () => {
  const draws = Array.from({ length: 1000 }, (_, number) => drawMix(RECIPE, 5, number, BATCH));
  assert.equal(drawMix(RECIPE, 5, 137, BATCH), draws[137]);
  assert.not.equal(drawMix(RECIPE, 6, 137, BATCH), draws[137]);
  for (const { partner, keep, box: [x1, y1, x2, y2], keepLabel } of draws) {
    assert.equal([...partner].sort(), [0, 1, 2, 3, 4, 5, 6]);
    const area = ((x2 - x1) * (y2 - y1)) / (PICTURE.width * PICTURE.height);
    assert.ok(0 <= x1 && x1 <= x2 && x2 <= PICTURE.width && 0 <= y1 && y1 <= y2 && y2 <= PICTURE.height);
    if (area > 0) assert.equal([keep, keepLabel], [1, 1 - area]);
    else assert.is(keep, keepLabel);
  }
  const share = draws.filter(isCut).length / draws.length;
  assert.ok(share > 0.43 && share < 0.53, `${share} of CutMix; a few of its boxes are empty`);
  assert.ok(new Set(draws.map(({ keepLabel }) => keepLabel)).size > 700);
  for (const mixSwitch of [0, 0.5, 1]) {
    const number = (options: object) =>
      Array.from({ length: 50 }, (_, i) => drawMix({ ...RECIPE, mixSwitch, ...options }, 5, i, BATCH)).filter(isCut)
        .length;
    assert.is(number({ cutmix: 0 }), 0);
    assert.ok(number({ mixup: 0 }) > 40);
  }
  assert.equal([RECIPE, { mixup: 0, cutmix: 1 }, { mixup: 0.1, cutmix: 0 }, { mixup: 0, cutmix: 0 }].map(isMixing), [
    true,
    true,
    true,
    false,
  ]);
});

test('boxes are those of the reference: some pixel makes the one that it drew', () => {
  const { cases } = JSON.parse(readFileSync(new URL('./fixtures/xclip/blending.json', import.meta.url), 'utf8')) as {
    cases: { kind: string; lam_drawn: number; bbox_x1y1x2y2: number[] }[];
  };
  const cuts = cases.filter(({ kind }) => kind === 'cutmix');
  const sides = [12, 9];
  assert.is(cuts.length, sides.length);
  for (const [i, { lam_drawn: lambda, bbox_x1y1x2y2: box }] of cuts.entries()) {
    const side = sides[i];
    const boxes = Array.from({ length: side ** 2 }, (_, at) =>
      boxAround(at % side, Math.floor(at / side), lambda, { height: side, width: side }).join());
    assert.ok(boxes.includes(box.join()), `${box}`);
  }
  assert.equal(boxAround(3, 4, 1, PICTURE), [3, 4, 3, 4], 'λ = 1: nothing is cut');
});

/** Small, with all parts of X-CLIP; sizes that no vector divides. */
const CONFIG: XclipConfig = {
  system: 'xclip',
  embedDim: 18,
  frames: 3,
  vision: { activation: 'quick_gelu', width: 18, layers: 2, heads: 2, mlp: 36, patch: 5, imageSize: 15 },
  text: { activation: 'quick_gelu', width: 18, layers: 1, heads: 2, mlp: 36, context: 9, vocab: 40 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 36 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.1 },
};
const SMOOTHING = 0.1;

for (const [batch, fixText] of [[5, true], [3, false], [1, true]] as const) {
  test(`the loss of a step on ${batch} clips is that of float64, for MixUp and CutMix, replayed with new draws`, async () => {
    const classes = 11;
    const { frames, vision: { imageSize: side } } = CONFIG;
    using model = new Xclip(gpu, CONFIG);
    initialise(model, 3);
    const ids = Int32Array.from({ length: classes * 4 }, (_, i) => [38, Math.floor(i / 4), 7 + (i % 5), 39][i % 4]);
    using texts = textBatch(gpu, ids, 4);
    using features = noGrad(() => model.encodeText(texts));
    using step = new RunStep(gpu, {
      model,
      texts: fixText ? { features } : texts,
      train: { ...RECIPE, batch, accumulation: 2, labelSmoothing: SMOOTHING, tune: fixText ? 'visual' : 'both' },
      optim: { name: 'adamw', groups: null, momentum: 0, nesterov: false, weightDecay: 0, newPartsLrScale: 1,
        betas: [0.9, 0.98], eps: 1e-8, maxGradNorm: null },
    });
    using captured = gpu.capture(() => noGrad(() => [0, 1].map((micro) => step.loss(micro))));
    const shape = [batch, frames, 3, side, side];
    const random = new Random(2, 'pixels');
    const kinds = new Set<boolean>();
    for (let number = 0; number < 4; number++) {
      const micros = [0, 1].map((micro) => {
        const pixels = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
        const labels = Array.from({ length: batch }, () => random.below(classes));
        step.inputs[micro].pixels.write(pixels);
        step.write(labels, { seed: 8, step: number, micro });
        const drawn = drawMix(RECIPE, 8, 2 * number + micro, { batch, height: side, width: side });
        kinds.add(isCut(drawn));
        return { pixels, labels, drawn };
      });
      const losses = await gpu.read([...captured.run()]);
      for (const [micro, { pixels, labels, drawn }] of micros.entries()) {
        const partner = Float64Array.from(drawn.partner);
        const mixed = blends.blend(Float64Array.from(pixels), partner, Float64Array.from(packMix(drawn)), side, side);
        using x = Tensor.from(gpu, Float32Array.from(mixed), shape);
        using logits = noGrad(() => model.forward(x, { features }));
        const target = blends.blendTargets(Float64Array.from(labels), partner, drawn.keepLabel, { classes,
          smoothing: SMOOTHING });
        const want = crossEntropy(Float64Array.from(await logits.read()), target, classes);
        // logits of up to 15, and pixels that are rounded to f32 once more
        close(`step ${number}, ${micro}`, losses[micro] as Float32Array, [want], { atol: 2e-5, rtol: 1e-5 });
        if (batch === 1) assert.equal(mixed.map(Math.fround), Float64Array.from(pixels), 'its own partner: as it was');
      }
    }
    assert.is(kinds.size, 2, 'both kinds were drawn');
  });
}

test('no two micro-batches of a run draw alike, and each draws as it did whatever came before', async () => {
  using model = new Xclip(gpu, CONFIG);
  initialise(model, 3);
  using texts = textBatch(gpu, Int32Array.of(38, 1, 39), 3);
  const accumulation = 3;
  using step = new RunStep(gpu, { model, texts,
    train: { ...RECIPE, batch: 2, accumulation, labelSmoothing: 0, tune: 'both' },
    optim: { name: 'adamw', groups: null, momentum: 0, nesterov: false, weightDecay: 0, newPartsLrScale: 1,
      betas: [0.9, 0.98], eps: 1e-8, maxGradNorm: null } });
  const drawn = async (seed: number, number: number, micro: number) => {
    step.write([0, 0], { seed, step: number, micro });
    return [...(await step.inputs[micro].draw.read())].join();
  };
  const all = new Map<string, string>();
  for (const seed of [8, 8 + 2 ** 32]) {
    for (let number = 0; number < 4; number++) {
      for (let micro = 0; micro < accumulation; micro++) {
        all.set(await drawn(seed, number, micro), `${number}, ${micro}`);
      }
    }
  }
  assert.is(all.size, 2 * 4 * accumulation);
  assert.is(all.get(await drawn(8, 2, 1)), '2, 1');
  assert.is(await drawn(2 ** 31 + 9 + 3 * 2 ** 32, 2, 1), `${2 ** 31 + 9},3,7,0`,
    'both halves of the seed, and the micro-batch');
});

test('branches are dropped in training alone, at rates that rise from 0 at the first block to the full one at the last', async () => {
  const [rate, layers, batch] = [0.6, 4, 3];
  const config = { ...CONFIG, vision: { ...CONFIG.vision, layers } };
  using model = new Xclip(gpu, config, { dropPath: rate });
  initialise(model, 3);
  const { frames, vision: { imageSize: side, width } } = config;
  using pixels = Tensor.from(gpu,
    Float32Array.from({ length: batch * frames * 3 * side * side }, (_, i) => Math.sin(i)), [batch, frames, 3, side,
    side]);
  /** Shares of tokens of whose branches each came through, and how often they were as large as they are. */
  const seen = async (draw: Tensor<'u32'> | undefined) => {
    const taps = new Map<string, Tensor>();
    using _result = noGrad(() =>
      gpu.scope(() =>
        model.encodeVideo(pixels, { ...(draw && { draw }), tap: (name, value) =>
          void taps.set(name, gpu.keep(value.alias())) }).video
      )
    );
    const read = async (name: string) => (await (taps.get(name) as Tensor).read()) as Float32Array;
    const blocks: { factors: Set<string>; scale: number }[] = [];
    for (let i = 0; i < layers; i++) {
      const [before, attended, mlp, after] = await Promise.all(
        [i === 0 ? 'visual.ln_pre' : `visual.block${i - 1}`, `visual.block${i}.attn`, `visual.block${i}.mlp`,
          `visual.block${i}`].map(read),
      );
      const factors = new Set<string>();
      for (let token = 0; token < after.length / width; token++) {
        const [a, b, d] = [attended, mlp, after].map((all) => all.subarray(token * width, (token + 1) * width));
        const change = d.map((value, k) => value - before[token * width + k]);
        factors.add(fitted(a, b, change).map((factor) => factor.toFixed(2)).join());
      }
      blocks.push({ factors, scale: 1 / (1 - (rate * i) / (layers - 1)) });
    }
    for (const tensor of taps.values()) tensor.dispose();
    return blocks;
  };
  for (const { factors } of await seen(undefined)) assert.equal([...factors], ['1.00,1.00'], 'in evaluation');
  const found = layersSeen();
  for (let number = 0; number < 4; number++) {
    using draw = Tensor.from(gpu, Uint32Array.of(5, 0, number, 0), undefined, 'draw');
    for (const [i, { factors, scale }] of (await seen(draw)).entries()) {
      const allowed = ['0.00', scale.toFixed(2)];
      for (const pair of factors) {
        const each = pair.split(',').map((factor) => factor.replace('-', ''));
        assert.ok(each.every((factor) => allowed.includes(factor)), `block ${i}: ${pair}, a kept branch is × ${scale}`);
        found[i].add(each.map((factor) => (factor === '0.00' ? '·' : 'x')).join(''));
      }
    }
  }
  assert.equal([...found[0]], ['xx'], 'the first block drops nothing');
  for (const i of [1, 2, 3]) assert.equal([...found[i]].sort(), ['xx', 'x·', '·x', '··'].sort(), `block ${i}`);

  function layersSeen() {
    return Array.from({ length: layers }, () => new Set<string>());
  }
});

/** Least squares: factors of a and of b that make their sum. */
function fitted(a: Float32Array, b: Float32Array, sum: Float32Array): [number, number] {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((total, value, k) => total + value * y[k], 0);
  const [aa, ab, bb, as, bs] = [dot(a, a), dot(a, b), dot(b, b), dot(a, sum), dot(b, sum)];
  const determinant = aa * bb - ab * ab;
  return [(as * bb - bs * ab) / determinant, (bs * aa - as * ab) / determinant];
}

test.after(() => gpu.close());
test.run();
