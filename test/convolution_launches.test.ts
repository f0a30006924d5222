/** What a convolution and its gradients dispatch, and how pictures are laid out for them; nothing here runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, type Shape, Tensor } from '../engine/index.ts';
import { convolution, type ConvolutionOptions } from '../kernels/convolution/index.ts';
import { fitsTexture, paddedExtents, panelsOf, type Picture, pixelsOf,
  wideConstants } from '../kernels/convolution/pictures.ts';
import { checkLanes } from './lanes.ts';
import { nullGpuWithTextures } from './null_gpu.ts';

const gpu = await nullGpuWithTextures({ isFallbackAdapter: true }, 8);

/** Its dispatches, and what they are told. */
function dispatched(shape: Shape, weightShape: Shape, options: ConvolutionOptions, wanted = ['x', 'weight']) {
  const [commands] = commandsOf(gpu, () =>
    void gpu.scope(() => {
      const [x, weight] = [Tensor.empty(gpu, shape, 'f32', 'x'), Tensor.empty(gpu, weightShape, 'f32', 'weight')];
      for (const [name, tensor] of Object.entries({ x, weight })) tensor.requiresGrad = wanted.includes(name);
      const y = convolution(x, weight, options);
      if (wanted.length > 0) backward(y, y.like());
    }));
  return commands.map((command) => {
    if (command.kind !== 'dispatch') return { what: command.kind };
    checkLanes(command);
    assert.is(command.grid[2], 1, command.label);
    const told = Object.fromEntries(command.params.map(({ name, value }) => [name, value]));
    return { what: command.label.replace(/^convolution_?|\.(vec4|scalar|only)/g, '') || 'y', ...told };
  }) as (Record<string, number> & { readonly what: string })[];
}

const whats = (...given: Parameters<typeof dispatched>) => dispatched(...given).map(({ what }) => what);

/** Of products, the sizes. */
const products = (...given: Parameters<typeof dispatched>) =>
  dispatched(...given).flatMap(({ what, rows, columns, inner }) =>
    columns === undefined ? [] : [`${what}: ${rows} × ${inner} × ${columns}`]
  );

test('the gradient of pixels is a product for each residue of the stride, over the taps that meet it', () => {
  // of 9 × 10 pixels a quarter each, in two frames; a tap of three meets pixels at 0, 2, …, two those at 1, 3, …
  assert.equal(products([2, 9, 10, 4], [8, 3, 3, 4], { stride: 2, padding: 1 }, ['x']), ['.subgroup: 50 × 36 × 8',
    'pixels_grad.subgroup: 50 × 8 × 4', 'pixels_grad.subgroup: 50 × 16 × 4', 'pixels_grad.subgroup: 40 × 16 × 4',
    'pixels_grad.subgroup: 40 × 32 × 4']);
  // no more residues than pixels, and of these three the last has no tap
  assert.is(products([1, 1, 3, 4], [4, 2, 2, 4], { stride: 4, isWhole: true }, ['x']).length, 1 + 2);
});

test('pixels that no window covers are cleared, and take no product; pixels without zeros around are not copied', () => {
  assert.equal(whats([2, 7, 8, 12], [4, 1, 1, 12], { stride: 2 }, ['x']), ['.subgroup', 'clear',
    'pixels_grad.subgroup']);
  assert.equal(whats([2, 7, 8, 12], [4, 1, 1, 12], {}, ['x']), ['.subgroup', 'pixels_grad.subgroup']);
  assert.equal(whats([2, 9, 8, 12], [4, 3, 3, 12], {}, ['weight']), ['.subgroup', 'weight_grad.subgroup']);
  assert.equal(whats([2, 9, 8, 12], [4, 3, 3, 12], { padding: 1 }, []), ['pad_picture', '.subgroup']);
});

test('a picture has zeros as far as windows reach, and none beyond', () => {
  const padded = (shape: Shape, weight: Shape, options: ConvolutionOptions, wanted: string[]) =>
    dispatched(shape, weight, options, wanted).filter(({ what }) => what === 'pad_picture').map((told) =>
      [0, 1, 2].map((i) => `${told[`before${i}`]}+${told[`x${i}`]} of ${told[`padded${i}`]}`).join(', ')
    );
  // five windows of 3 by 2 on 9 pixels, with a zero before and behind; on 10 pixels the one behind is not reached
  assert.equal(padded([2, 9, 10, 4], [8, 3, 3, 4], { stride: 2, padding: 1 }, []), ['0+1 of 1, 1+9 of 11, 1+10 of 11']);
  assert.equal(padded([1, 5, 9, 7, 4], [8, 2, 4, 4, 4], { stride: [2, 4, 4], isWhole: true }, []), [
    '0+5 of 6, 0+9 of 12, 0+7 of 8',
  ]);
  // windows of dy that cover a pixel: the last one is as many behind as there are places before it
  assert.equal(padded([1, 9, 10, 4], [4, 3, 5, 4], {}, ['x']), ['0+1 of 1, 2+7 of 11, 4+6 of 14']);
  assert.equal(padded([1, 9, 10, 4], [4, 3, 5, 4], { padding: [2, 1] }, ['x']).at(-1),
    '0+1 of 1, 0+11 of 11, 3+8 of 14');
  assert.equal(padded([1, 9, 10, 4], [4, 3, 3, 4], { stride: 2, padding: 1 }, ['x']).at(-1),
    '0+1 of 1, 0+5 of 5, 0+5 of 6');
});

test('groups and gaps are done by the formula as it stands, in vectors where a group has them', () => {
  const naive = (weight: Shape, options: ConvolutionOptions) =>
    dispatched([2, 8, 7, 8], weight, options).map(({ what, n, inner, outer, frames }) =>
      [what, n, inner, outer, frames].join(' ')
    );
  // 2 · 6 · 5 · 6 numbers of y, and of dx and dweight in vectors of four
  assert.equal(naive([6, 3, 3, 4], { groups: 2 }), ['.naive 360 1 3 2', 'pixels_grad.naive 224 1 3 2',
    'weight_grad.naive 54 1 3 2']);
  assert.equal(naive([8, 3, 3, 1], { groups: 8 })[1], 'pixels_grad.naive 896 1 1 2');
  assert.equal(whats([2, 8, 7, 8], [6, 3, 3, 8], { dilation: [2, 1] }, []), ['.naive']);
  assert.equal(whats([2, 8, 7, 8], [6, 3, 3, 8], { dilation: 1, groups: 1 }, []), ['.subgroup']);
});

test('frames go in ranges whose places can be counted, of all gradients', () => {
  // 1.44 million pixels a frame: of three frames two stay below 2²²
  assert.equal(products([3, 1200, 1200, 4], [4, 1, 1, 4], {}), ['.subgroup: 2880000 × 4 × 4',
    '.subgroup: 1440000 × 4 × 4', 'pixels_grad.subgroup: 2880000 × 4 × 4', 'pixels_grad.subgroup: 1440000 × 4 × 4',
    'weight_grad.subgroup: 4 × 2880000 × 4', 'weight_grad.subgroup: 4 × 1440000 × 4']);
  assert.is(products([2, 1024, 2048, 4], [4, 1, 1, 4], {}, []).length, 2, '2²² are not below');
  assert.is(products([2, 1024, 2047, 4], [4, 1, 1, 4], {}, []).length, 1);
  assert.is(products([2, 1024, 2047, 4], [4, 3, 3, 4], { padding: 1 }, []).length, 2, 'zeros around them count');
  assert.equal(whats([1, 2048, 2048, 4], [4, 1, 1, 4], {}, []), ['.naive'], 'a frame of too many');
});

test('large products read pictures from textures, in ranges of one layer, and keep small weights for the way back', () => {
  // 58² pixels of a frame with its zeros, in 8192 lines
  const [x, weight] = [[4, 56, 56, 64], [64, 3, 3, 64]];
  const forward = ['pack_picture', 'pack_picture', '.panels', 'pack_picture', '.panels'];
  assert.equal(whats(x, weight, { padding: 1 }, []), forward);
  assert.equal(whats(x, weight, { padding: 1 }, ['x']), [...forward, 'pack_picture', 'pixels_grad.panels',
    'pack_picture', 'pixels_grad.panels']);
  assert.equal(whats(x, weight, { padding: 1 }, ['weight']).slice(5), [
    ...Array.from({ length: 2 }, () => ['pack_picture', 'pack_picture', 'weight_grad.panels']).flat(),
    'accumulate',
  ]);
  // where windows are single pixels, the pixels between them are left out
  const [of] = dispatched([1, 64, 64, 64], [512, 1, 1, 64], { stride: 2 }, []);
  assert.equal([of.what, of.x1, of.step1, of.padded1, of.padded2], ['pack_picture', 64, 2, 32, 32]);
  assert.equal(whats([1, 56, 56, 64], [64, 3, 3, 64], { padding: 1, groups: 1 }, []), forward.slice(0, 3));
  assert.equal(whats([1, 5, 5, 64], [64, 3, 3, 64], { padding: 1 }, []), ['pad_picture', '.subgroup'], 'not worth it');
});

test('a line of a texture has eight texels of four channels: of one pixel, or of several with few channels', () => {
  const picture = (frames: number, channels: number, height: number, width: number, more: Partial<Picture> = {}) =>
    ({ frames, channels, extents: [1, height, width], step: [1, 1, 1], before: [0, 0, 0], after: [0, 0, 0],
      ...more }) as const;
  const of = (...given: Parameters<typeof picture>) => panelsOf(picture(...given));
  const one = { panels: 1, layers: 1 };
  // 100 pixels, and one of zeros
  assert.equal(of(1, 4, 10, 10), { ...one, texels: 1, height: 13, isWide: false });
  assert.equal(of(1, 5, 10, 10), { ...one, texels: 2, height: 26, isWide: false });
  assert.equal(of(1, 28, 10, 10), { ...one, texels: 7, height: 89, isWide: false });
  assert.equal(of(1, 32, 10, 10), { ...one, texels: 8, height: 101, isWide: true });
  assert.equal(of(1, 33, 10, 10), { texels: 8, panels: 2, layers: 1, height: 101, isWide: true });
  assert.equal(of(1, 32, 1, 8191), { ...one, texels: 8, height: 8192, isWide: true });
  assert.equal(of(1, 32, 1, 8192), { panels: 1, layers: 2, texels: 8, height: 8192, isWide: false });
  const padded = picture(3, 4, 5, 7, { step: [1, 2, 3], before: [0, 1, 2], after: [2, 0, 3] });
  assert.equal([paddedExtents(padded), pixelsOf(padded)], [[3, 4, 8], 288]);
  const { maxTextureArrayLayers: layers } = gpu.limits;
  const fits = (...given: Parameters<typeof picture>) => fitsTexture(gpu, picture(...given));
  assert.equal([fits(1, 32, 1, 8192), fits(2, 32, 1, 4096), fits(2, 32, 1, 4095)], [true, false, true],
    'one frame lies in several layers, or several frames in one');
  assert.equal([fits(2, 32 * layers, 1, 1), fits(2, 32 * layers + 1, 1, 1)], [true, false]);
  assert.equal([fits(1, 16 * layers, 1, 8192), fits(1, 16 * layers + 1, 1, 8192)], [true, false]);
  assert.equal(wideConstants(picture(1, 32, 4, 4), picture(1, 4, 4, 4)), { LINES: 8192, A_WIDE: true, B_WIDE: false });
});

test.run();
