/** The program that every user runs: two kernels, forward and gradient, on numbers that everybody can compute. */
import { gelu, geluGradient } from '../../kernels/gelu/reference.ts';
import { layernorm, layernormGradient } from '../../kernels/layernorm/reference.ts';

const [ROWS, COLS, EPS] = [3, 5, 1e-5];
/** As TypeScript and JavaScript alike: the users that check types read it too. */
const BODY = `
export async function numbers() {
  const gpu = await open();
  const ramp = (size, scale) => Float32Array.from({ length: size }, (_, i) => Math.fround(scale * (i - size / 3)));
  const x = Tensor.from(gpu, ramp(${ROWS * COLS}, 0.25), [${ROWS}, ${COLS}]);
  const weight = Tensor.from(gpu, ramp(${COLS}, 0.5), [${COLS}]);
  const bias = Tensor.from(gpu, ramp(${COLS}, 0.125), [${COLS}]);
  for (const tensor of [x, weight, bias]) tensor.requiresGrad = true;
  const y = gelu(layernorm(x, weight, bias), 'gelu');
  backward(y, Tensor.from(gpu, ramp(${ROWS * COLS}, 1), [${ROWS}, ${COLS}]));
  const all = await Promise.all([y, x.grad, weight.grad, bias.grad].map((tensor) => tensor.read()));
  const name = gpu.name;
  gpu.close();
  return { name, numbers: all.flatMap((values) => [...values]) };
}
`;

/** The program of someone who imports modules. */
export const PROGRAM = `import { backward, open, Tensor } from 'firstlight';
import { gelu } from 'firstlight/kernels/gelu';
import { layernorm } from 'firstlight/kernels/layernorm';
${BODY}`;

/** The program of someone who imports the file that is all of it. @param path of that file */
export const programOfWhole = (path: string) =>
  `import { backward, kernels, open, Tensor } from '${path}';
const { gelu: { gelu }, layernorm: { layernorm } } = kernels;
${BODY}`;

/** The same with types, for compilers: it also names what the modules have beside functions. */
export const TYPED = `import type { Shape } from 'firstlight';
import { rooms } from 'firstlight/kernels';
import { tuned } from 'firstlight/kernels/tuned';
import { room } from 'firstlight/kernels/gelu/cases';
import { Xclip } from 'firstlight/model';
import { AdamW } from 'firstlight/train';
import { kernels } from 'firstlight/firstlight.js';
${
  PROGRAM.replace('(size, scale)', '(size: number, scale: number)').replace('(tensor) => tensor.read()',
    '(tensor) => tensor!.read()')
}
export const shape: Shape = rooms[0].cases[0].inputs.x.shape;
export const others = [tuned, room.name, Xclip, AdamW, kernels.gelu.gelu] as const;
`;

/** What a user got. */
export interface Answer {
  /** Of the adapter. */
  readonly name: string;
  readonly numbers: readonly number[];
}

/** What is wrong with an answer, measured against float64; undefined if nothing is. */
export function wrongIn({ numbers }: Answer): string | undefined {
  const ramp = (size: number, scale: number) =>
    Float64Array.from({ length: size }, (_, i) => Math.fround(scale * (i - size / 3)));
  const [x, weight, bias, dy] = [ramp(ROWS * COLS, 0.25), ramp(COLS, 0.5), ramp(COLS, 0.125), ramp(ROWS * COLS, 1)];
  const normalized = layernorm(x, weight, bias, EPS);
  const gradients = layernormGradient(x, weight, geluGradient(normalized, dy, 'gelu'), EPS);
  const want = [gelu(normalized, 'gelu'), gradients.x, gradients.weight, gradients.bias].flatMap((each) => [...each]);
  if (numbers.length !== want.length) return `${numbers.length} numbers, expected ${want.length}`;
  const at = want.findIndex((value, i) => !(Math.abs(numbers[i] - value) <= 1e-4 + 1e-4 * Math.abs(value)));
  return at < 0 ? undefined : `number ${at} is ${numbers[at]}, want ${want[at]}`;
}
