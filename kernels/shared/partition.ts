/** How tokens are cut into windows, within which they attend to each other. */
import { FirstlightError, part, type Shape, ShapeError, sizeOf } from '../../engine/index.ts';
import type { Triple } from './windows.ts';

/** How large windows are, and how far they are shifted, a number for each axis of the tokens. */
export interface WindowSize {
  readonly window: readonly number[];
  /** 0 on every axis if omitted; less than a window. */
  readonly shift?: readonly number[];
}

/** Windows that are the last ones on the same of the axes that are shifted. */
export interface WindowKind {
  /** On which axes they are the last ones: 4 for the outermost of three, 2, and 1 for the innermost, added up. */
  readonly last: number;
  /** Windows of it in a picture, and the first of all. */
  readonly windows: number;
  readonly first: number;
}

/**
 * Tokens of pictures cut into windows. Axes that tokens do not have are outer ones with an extent of 1. Windows come
 * kind by kind, of a kind picture by picture, and of a picture in their order, the last axis fastest.
 */
export interface Partition {
  /** [B, …] as the tokens have it, without their channels. */
  readonly shape: Shape;
  readonly pictures: number;
  /** Tokens of a picture on each axis. */
  readonly extents: Triple;
  /** The window as it was asked for: what a table of relative positions is for. */
  readonly full: Triple;
  /** The window and its shift as they are: on an axis that one window covers, its extent and 0. */
  readonly window: Triple;
  readonly shift: Triple;
  /** Windows on each axis; the last ones may reach beyond the picture. */
  readonly counts: Triple;
  readonly kinds: readonly WindowKind[];
  /** All windows of all pictures, and the tokens of one. */
  readonly windows: number;
  readonly tokens: number;
}

/**
 * Cuts tokens into windows as Swin does. Liu et al. 2021, arXiv:2103.14030, section 3.2; Liu et al. 2022,
 * arXiv:2106.13230, section 3.2. Windows start `shift` tokens from the beginning, and the last ones of an axis have its
 * first tokens at their end. Where an axis is no multiple of the window, zeros are thought of behind its last token.
 *
 * @param shape [B, …, C] with one to three axes between
 */
export function partitionOf(shape: Shape, { window, shift = window.map(() => 0) }: WindowSize): Partition {
  const axes = shape.slice(1, -1);
  if (axes.length < 1 || axes.length > 3) {
    throw new ShapeError('partition', `tokens must be [B, …, C] with one to three axes between, got [${shape}]`);
  }
  checkSize('window', window, axes, (size) => size >= 1, '1 or more');
  checkSize('shift', shift, axes, (by, axis) => by >= 0 && by < window[axis], 'less than the window');
  const full = triple(window, 1);
  const extents = triple(axes, 1);
  const shifts = triple(shift, 0);
  const isCovered = (axis: number) => extents[axis] <= full[axis];
  const used = each((axis) => (isCovered(axis) ? extents[axis] : full[axis]));
  const by = each((axis) => (isCovered(axis) ? 0 : shifts[axis]));
  const counts = each((axis) => Math.ceil(extents[axis] / used[axis]));
  const windowsOf = (last: number) =>
    sizeOf(each((axis) => (isLastOn(last, axis) ? Number(by[axis] > 0) : counts[axis] - Number(by[axis] > 0))));
  const kinds: WindowKind[] = [];
  let first = 0;
  for (let last = 0; last < 8; last++) {
    const windows = windowsOf(last);
    if (windows > 0) kinds.push({ last, windows, first });
    first += shape[0] * windows;
  }
  return { shape: shape.slice(0, -1), pictures: shape[0], extents, full, window: used, shift: by, counts, kinds,
    windows: first, tokens: sizeOf(used) };
}

/** Whether windows of a kind are the last ones on an axis, counted from the outermost. */
export const isLastOn = (last: number, axis: number): boolean => ((last >> (2 - axis)) & 1) === 1;

/** Kinds that there can be: a window is the last one or not on each of three axes. */
const MOST_KINDS = 8;
/** No window has this number. */
const NEVER = 0xffffffff;

/**
 * The numbers that shared/kinds.wgsl asks for, of some kinds in their order.
 *
 * @param from the window that counts as number 0
 */
export function kindParams(kinds: readonly WindowKind[], from = 0): Readonly<Record<string, number>> {
  return Object.fromEntries(Array.from({ length: MOST_KINDS - 1 }, (_, i) => {
    const first = kinds[i + 1]?.first ?? NEVER;
    return [`kind${i + 1}`, first === NEVER ? NEVER : Math.max(0, first - from)];
  }));
}

/** The number that shared/window_places.wgsl asks for: three bits for each kind, on which axes it is the last. */
export function lastAxes(kinds: readonly WindowKind[]): number {
  return kinds.reduce((bits, { last }, i) => bits | (last << (3 * i)), 0);
}

/** Which kind a window is of: shared/kinds.wgsl. */
export const kindsPart = await part(import.meta.url, './kinds.wgsl');
/** Places in windows, and what kinds are: shared/window_places.wgsl. */
export const placesPart = await part(import.meta.url, './window_places.wgsl');

function checkSize(name: string, sizes: readonly number[], axes: Shape,
  isRight: (size: number, axis: number) => boolean, expected: string): void {
  if (sizes.length === axes.length && sizes.every((size, axis) => Number.isInteger(size) && isRight(size, axis))) {
    return;
  }
  const wanted = `expected a whole number for each of the axes of [${axes}], ${expected}`;
  throw new FirstlightError('FL_RANGE', `partition: ${name} is [${sizes}], ${wanted}`, { [name]: sizes });
}

function triple(numbers: readonly number[], outer: number): Triple {
  return each((axis) => numbers[axis - 3 + numbers.length] ?? outer);
}

function each(value: (axis: number) => number): Triple {
  return [value(0), value(1), value(2)];
}
