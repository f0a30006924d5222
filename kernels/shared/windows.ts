import { FirstlightError, part, type Shape, ShapeError } from '../../engine/index.ts';

/** A number for all axes, or one for each. */
export type PerAxis = number | readonly number[];

/** Which pixels come together. */
export interface Window {
  /** Pixels of a window on each axis. */
  readonly kernel: PerAxis;
  /** Pixels from one window to the next; as many as it has if omitted. */
  readonly stride?: PerAxis;
  /** Pixels that are thought of around the picture on each side; 0 if omitted. */
  readonly padding?: PerAxis;
  /** Pixels from one of a window to the next; 1 if omitted. */
  readonly dilation?: PerAxis;
}

/** Numbers of three axes, outermost first. */
export type Triple = readonly [number, number, number];

/** Pictures and their windows, with the axes that they lack as extents of 1. */
export interface Windows {
  readonly frames: number;
  readonly channels: number;
  readonly x: Triple;
  /** Windows on each axis. */
  readonly y: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
  readonly dilation: Triple;
  /** The shape of what has a pixel for each window. */
  readonly shape: Shape;
}

/**
 * The windows of pictures [frames, …, C] with one to three axes: on each
 * ⌊(extent + 2 · padding − (kernel − 1) · dilation − 1) / stride⌋ + 1.
 *
 * @param isWhole rounds up instead, so that the last windows may reach beyond the picture
 */
export function windowsOf(op: string, shape: Shape, { kernel, stride = kernel, padding = 0, dilation = 1 }: Window,
  isWhole = false): Windows {
  const [frames, channels] = [shape[0], shape[shape.length - 1]];
  const extents = shape.slice(1, -1);
  if (extents.length < 1 || extents.length > 3) {
    throw new ShapeError(op, `pictures must be [frames, …, C] with one to three axes between, got [${shape}]`);
  }
  const of = (name: string, value: PerAxis, least: number) => perAxis(op, name, value, extents.length, least);
  const [sizes, steps] = [of('kernel', kernel, 1), of('stride', stride, 1)];
  const [paddings, gaps] = [of('padding', padding, 0), of('dilation', dilation, 1)];
  const windows = extents.map((extent, axis) => {
    const room = extent + 2 * paddings[axis] - (sizes[axis] - 1) * gaps[axis] - 1;
    if (room < 0 && !isWhole) {
      throw new ShapeError(op,
        `a kernel of [${sizes}] does not fit pictures of [${extents}] with a padding of [${paddings}]`);
    }
    const more = Math.max(room, 0) / steps[axis];
    return (isWhole ? Math.ceil(more) : Math.floor(more)) + 1;
  });
  return {
    frames,
    channels,
    x: triple(extents, 1),
    y: triple(windows, 1),
    kernel: triple(sizes, 1),
    stride: triple(steps, 1),
    padding: triple(paddings, 0),
    dilation: triple(gaps, 1),
    shape: [frames, ...windows, channels],
  };
}

/** The numbers that shared/window.wgsl asks for. */
export function windowParams({ x, y, kernel, stride, padding, dilation }: Windows): Readonly<Record<string, number>> {
  return axisParams({ x, y, kernel, stride, padding, dilation });
}

/** A number of each axis, as params have them: name0, name1 and name2. */
export function axisParams(numbers: Readonly<Record<string, Triple>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, of]) => of.map((number, axis) => [`${name}${axis}`, number])),
  );
}

/** What windows are cut out of: shared/window.wgsl. */
export const windowPart = await part(import.meta.url, './window.wgsl');

function perAxis(op: string, name: string, value: PerAxis, axes: number, least: number): readonly number[] {
  const numbers = typeof value === 'number' ? Array<number>(axes).fill(value) : value;
  if (numbers.length !== axes || numbers.some((each) => !Number.isInteger(each) || each < least)) {
    const expected = `expected a whole number of ${least} or more, or ${axes} of them`;
    throw new FirstlightError('FL_RANGE', `${op}: ${name} is ${numbers.join(', ')}, ${expected}`, { [name]: value });
  }
  return numbers;
}

function triple(numbers: readonly number[], outer: number): Triple {
  return [...Array<number>(3 - numbers.length).fill(outer), ...numbers] as unknown as Triple;
}
