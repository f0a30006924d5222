/**
 * *Moving shapes*: short clips whose class is told by the order of their frames and by nothing less.
 *
 * A class is a sentence, "a red square moving left". Place and size of the shape each follow a path, drawn middle
 * first. In a class that moves along an axis, the frames run through that axis's path, forwards or backwards; on the
 * other axes the shape rests at one of the path's steps, drawn evenly. So a frame taken by itself has one distribution
 * of places and sizes in all motions, and a clip run backwards is a clip of the opposite class with the same frames:
 * without their order, left cannot be told from right, up from down, growing from shrinking.
 */
import type { Random } from '../../engine/random.ts';
import { type Canvas, paint, type Place, SHAPES } from './shapes.ts';

/** Width and height of every picture. */
export const SIDE = 32;
/** Frames of a clip. */
export const FRAMES = 8;

export const COLOURS = ['red', 'green', 'blue', 'yellow', 'magenta', 'cyan'] as const;
/**
 * Far from every ground in light: video keeps light at full resolution and colour at half of it, so a shape is seen by
 * its light.
 */
const RGB: readonly (readonly number[])[] = [[180, 25, 30], [90, 230, 100], [30, 45, 195], [245, 225, 70], [245, 125,
  230], [90, 235, 245]];

/**
 * Each has a word of the captions in it, which pictures teach. Opposite motions are neighbours: `motion ^ 1` runs the
 * same path the other way.
 */
export const MOTIONS = ['moving left', 'moving right', 'moving up', 'moving down', 'shrinking small',
  'growing big'] as const;

/** What a combination of words is made of: indices into `COLOURS`, `SHAPES` and `MOTIONS`. */
export interface Combination {
  readonly colour: number;
  readonly shape: number;
  readonly motion: number;
}

/** All 144 sentences; a class's id is its place. */
export const CLASS_NAMES: readonly string[] = Array.from({ length: COLOURS.length * SHAPES.length * MOTIONS.length },
  (_, id) => {
    const { colour, shape, motion } = combinationOf(id);
    return `a ${COLOURS[colour]} ${SHAPES[shape]} ${MOTIONS[motion]}`;
  });

export function combinationOf(id: number): Combination {
  return { colour: Math.floor(id / (SHAPES.length * MOTIONS.length)),
    shape: Math.floor(id / MOTIONS.length) % SHAPES.length, motion: id % MOTIONS.length };
}

/** The class that shows the same frames backwards. */
export function reversed(id: number): number {
  return id ^ 1;
}

/**
 * Whether a class is kept out of training, for zero-shot: 24 of 144, a Latin square over colour, shape and axis. A
 * motion and its opposite are kept out together; if one of them stayed, colour and shape alone would give away the
 * direction.
 */
export function isUnseen(id: number): boolean {
  const { colour, shape, motion } = combinationOf(id);
  return (colour + shape + 2 * (motion >> 1)) % COLOURS.length === 0;
}

const ids = Array.from(CLASS_NAMES, (_, id) => id);
export const SEEN: readonly number[] = ids.filter((id) => !isUnseen(id));
export const UNSEEN: readonly number[] = ids.filter(isUnseen);

const COLOUR_SPREAD = 18;
const MIDDLE = { least: 13, most: 19 };
const TRAVEL = { least: 5, most: 6.5 };
const RADIUS = { least: 5.2, most: 6.4 };
const GROWTH = 1.3;

/**
 * Draws a clip. The draws from `random` are the same for every class, so one state gives a class and its opposite the
 * same frames.
 * @returns `FRAMES` pictures, RGB, [SIDE, SIDE, 3]
 */
export function drawClip(random: Random, id: number): Uint8Array[] {
  const { colour, shape, motion } = combinationOf(id);
  const middle = { x: between(random, MIDDLE), y: between(random, MIDDLE), radius: between(random, RADIUS) };
  const travel = { x: between(random, TRAVEL), y: between(random, TRAVEL) };
  const rest = [random.below(FRAMES), random.below(FRAMES), random.below(FRAMES)];
  const ground = drawGround(random);
  const paintColour = tint(random, RGB[colour], COLOUR_SPREAD);
  const steps = Array.from({ length: FRAMES }, (_, step) => {
    // From −1 through 0 in the middle of the path to 1, on the moving axis; at rest on the two others.
    const [u, v, w] = rest.map((resting, axis) => (2 * (axis === motion >> 1 ? step : resting)) / (FRAMES - 1) - 1);
    const place = { x: middle.x + u * travel.x, y: middle.y + v * travel.y, radius: middle.radius * GROWTH ** w };
    return drawPicture(random, ground, shape, place, paintColour);
  });
  return motion % 2 === 1 ? steps : steps.reverse();
}

const SIZES = [{ name: 'small', least: 3.8, most: 5 }, { name: 'big', least: 6.4, most: 8.4 }] as const;
/** Words of the motions, so that the pictures teach them. */
const ROWS = ['up', '', 'down'] as const;
const COLUMNS = ['left', '', 'right'] as const;
/** Thirds of the picture that a shape's centre may lie in, with gaps so that words stay true. */
const THIRDS = [{ least: 7, most: 11.5 }, { least: 14, most: 18 }, { least: 20.5, most: 25 }] as const;

/** All 432 captions of stills, "a big red square up left"; a caption's id is its place. */
export const CAPTIONS: readonly string[] = SIZES.flatMap((size) =>
  COLOURS.flatMap((colour) =>
    SHAPES.flatMap((shape) =>
      ROWS.flatMap((row) =>
        COLUMNS.map((column) => `a ${size.name} ${colour} ${shape} ${`${row} ${column}`.trim() || 'in the middle'}`)
      )
    )
  )
);

/** What of a caption is not its shape: captions of one family differ in the shape alone. */
export function familyOf(caption: number): number {
  return (caption % 9) + 9 * Math.floor(caption / (9 * SHAPES.length));
}

/** Draws the still of a caption: RGB, [SIDE, SIDE, 3]. */
export function drawStill(random: Random, caption: number): Uint8Array {
  const [column, row] = [caption % 3, Math.floor(caption / 3) % 3];
  const shape = Math.floor(caption / 9) % SHAPES.length;
  const colour = Math.floor(caption / (9 * SHAPES.length)) % COLOURS.length;
  const size = SIZES[Math.floor(caption / (9 * SHAPES.length * COLOURS.length))];
  const place = { x: between(random, THIRDS[column]), y: between(random, THIRDS[row]), radius: between(random, size) };
  const ground = drawGround(random);
  return drawPicture(random, ground, shape, place, tint(random, RGB[colour], COLOUR_SPREAD));
}

function between(random: Random, { least, most }: { least: number; most: number }): number {
  return least + (most - least) * random.next();
}

/** A colour with some chance in it. */
function tint(random: Random, rgb: readonly number[], spread: number): number[] {
  return rgb.map((value) => value + between(random, { least: -spread, most: spread }));
}

/** A middle grey that turns, from one side of the picture to the other, into a second one. */
function drawGround(random: Random): Canvas {
  const angle = 2 * Math.PI * random.next();
  const [from, to] = [0, 1].map(() => tint(random, Array(3).fill(between(random, { least: 105, most: 130 })), 12));
  const rgb = new Float32Array(3 * SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const along = 0.5
        + ((column - SIDE / 2) * Math.cos(angle) + (row - SIDE / 2) * Math.sin(angle)) / (Math.SQRT2 * SIDE);
      for (let channel = 0; channel < 3; channel++) {
        rgb[3 * (row * SIDE + column) + channel] = from[channel] + along * (to[channel] - from[channel]);
      }
    }
  }
  return { side: SIDE, rgb };
}

const NOISE = 12;

/** A shape on its ground, with grey noise of ± `NOISE` / 2 on every pixel. */
function drawPicture(random: Random, ground: Canvas, shape: number, place: Place,
  colour: readonly number[]): Uint8Array {
  const canvas = { side: SIDE, rgb: ground.rgb.slice() };
  paint(canvas, SHAPES[shape], place, colour);
  const picture = new Uint8ClampedArray(canvas.rgb.length);
  let word = 0;
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    word = pixel % 8 === 0 ? random.word() : word >>> 4;
    const noise = NOISE * ((word & 0xf) / 15 - 0.5);
    for (let i = 3 * pixel; i < 3 * pixel + 3; i++) picture[i] = canvas.rgb[i] + noise;
  }
  return new Uint8Array(picture.buffer);
}
