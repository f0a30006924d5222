import { Random, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { mapped, values, whole } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { colour, type Colouring, cost, kernels, packColourings, type Step, STEPS, TABLE_COLUMNS } from './index.ts';
import * as reference from './reference.ts';

/** ImageNet's statistics, which the recipe has. */
const recipe = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const;

/** Pixels between whole numbers, as a resize makes them. */
const noise = (name: string, frames: number, side: number): Input =>
  mapped(whole(name, [frames, 3, side, side], 255 * 64 + 1), (v) => v / 64);

/** All orders of the four steps. */
const ORDERS: readonly (readonly Step[])[] = STEPS.reduce<Step[][]>(
  (orders, step) =>
    orders.flatMap((order) => order.map((_, i) => order.toSpliced(i, 0, step)).concat([[...order, step]])),
  [[]],
);

/** Draws as the recipe's, each frame with another order. */
function drawn(frames: number, gray = (_: number) => false): Colouring[] {
  const random = new Random(1, 'colours');
  const around = (centre: number, reach: number) => centre + reach * (2 * random.next() - 1);
  return Array.from({ length: frames }, (_, i) => ({
    jitter: { brightness: around(1, 0.4), contrast: around(1, 0.4), saturation: around(1, 0.2), hue: around(0, 0.1),
      order: ORDERS[(5 * i) % ORDERS.length] },
    gray: gray(i),
  }));
}

/** One step alone. */
const only = (step: Step, amount: number): Colouring => ({
  jitter: { brightness: 1, contrast: 1, saturation: 1, hue: 0, [step]: amount, order: [step] },
  gray: false,
});

function colourCase(name: string, rgb: Input, colourings: readonly Colouring[], options = {}): Case {
  const [count, , height, width] = rgb.shape;
  const normalisation = { ...recipe, ...options };
  return {
    name,
    inputs: { rgb: { shape: rgb.shape, isWide: true, get data() {
      return rgb.data;
    } }, table: { shape: [count, TABLE_COLUMNS], data: packColourings(colourings) } },
    takesType: true,
    wrt: [],
    run: (t, type) => [colour(t.rgb as Tensor, t.table as Tensor<'u32'>, { ...normalisation, type })],
    reference: ({ rgb: pixels }) => [reference.colour(pixels, colourings, normalisation)],
    tolerance: { atol: 1e-5, rtol: 1e-6,
      why:
        'four steps round values of up to 255 at 2⁻¹⁶ each, a deviation is 57, and factors of up to 4 stretch both' },
    cost: (type) => cost(count * height * width, count * TABLE_COLUMNS, type),
  };
}

/** Black, white, three grays, the six corners of the colour circle, and pixels next to where its lines meet. */
const CORNERS = [[0, 0, 0], [255, 255, 255], [128, 128, 128], [0.5, 0.5, 0.5], [254.5, 254.5, 254.5], [255, 0, 0], [255,
  255, 0], [0, 255, 0], [0, 255, 255], [0, 0, 255], [255, 0, 255], [200, 199.75, 10], [199.75, 200, 10], [10, 200,
  199.75], [128, 128, 128.25], [255, 254.75, 254.75]];
/** The same as frames of 4 × 4 pixels. */
const corners = (frames: number): Input =>
  values([frames, 3, 4, 4], Array.from({ length: frames }, () =>
    [0, 1, 2].flatMap((channel) => CORNERS.map((pixel) => pixel[channel]))).flat());

const plain: Colouring = { gray: false };
const cornerColourings = [...[0, 0.1, 1 / 6, 0.5, -0.1, -0.5, 1, 2.3].map((turn) => only('hue', turn)), ...drawn(4)];
const extremes = [only('brightness', 0), only('brightness', 4), only('contrast', 0), only('contrast', 4),
  only('saturation', 0), only('saturation', 4)];

export const room: Room = {
  name: 'colour',
  kernels,
  cases: [
    colourCase('all 24 orders, an odd side', noise('orders', 24, 5), drawn(24)),
    colourCase('frames that are left alone, gray, jittered, and both', noise('mixed', 24, 8),
      drawn(24, (i) => i % 3 === 0).map(({ jitter, gray }, i) => (i % 2 === 0 ? { jitter, gray } : { gray }))),
    colourCase('a frame longer than a partial sum', noise('long', 3, 72), drawn(3)),
    colourCase('black, white, grays, and the corners of the colour circle', corners(cornerColourings.length),
      cornerColourings),
    colourCase('factors at their ends', noise('extreme', extremes.length, 7), extremes),
    colourCase('one pixel, whose mean gray is its own', noise('pixel', 6, 1), drawn(6)),
    colourCase('nothing to do and nothing to normalise', noise('plain', 2, 8), [plain, plain], { mean: [0, 0, 0],
      std: [1, 1, 1] }),
  ],
  workloads: [
    workload('a clip of 8 frames of 224 × 224', (name) => colourCase(name, noise('clip', 8, 224), drawn(8))),
    workload('the same, of which nothing is changed',
      (name) => colourCase(name, noise('clip', 8, 224), Array.from({ length: 8 }, () => plain))),
  ],
};
