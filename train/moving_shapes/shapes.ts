export const SHAPES = ['square', 'circle', 'triangle', 'cross'] as const;
export type Shape = (typeof SHAPES)[number];

/** A square picture in the making: RGB, 0 … 255, [side, side, 3]. */
export interface Canvas {
  readonly side: number;
  readonly rgb: Float32Array;
}

export interface Place {
  /** The shape's centre, in pixels; (0, 0) is the outer corner of the first pixel. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/**
 * Distance to the outline in pixels, below 0 where there is paint. A circle is a ring: at this size a disc looks like a
 * square.
 */
const DISTANCE: Readonly<Record<Shape, (x: number, y: number, radius: number) => number>> = {
  square: (x, y, radius) => box(x, y, 0.95 * radius, 0.95 * radius),
  circle: (x, y, radius) => Math.abs(Math.hypot(x, y) - 0.78 * radius) - 0.27 * radius,
  // The largest of the distances to three edges; their common inner radius is half of the outer one.
  triangle: (x, y, radius) => Math.max(y, 0.866 * Math.abs(x) - 0.5 * y) - 0.75 * radius,
  cross: (x, y, radius) => Math.min(box(x, y, 1.2 * radius, 0.33 * radius), box(x, y, 0.33 * radius, 1.2 * radius)),
};

function box(x: number, y: number, halfWidth: number, halfHeight: number): number {
  return Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
}

/**
 * Paints a filled shape. A pixel that the outline crosses is covered in part: by how deep its centre lies, over one
 * pixel.
 */
export function paint({ side, rgb }: Canvas, shape: Shape, { x, y, radius }: Place, colour: readonly number[]): void {
  const reach = 1.6 * radius + 1; // the corner of a triangle lies farthest out
  const first = (centre: number) => Math.max(0, Math.floor(centre - reach));
  const end = (centre: number) => Math.min(side, Math.ceil(centre + reach));
  for (let row = first(y); row < end(y); row++) {
    for (let column = first(x); column < end(x); column++) {
      const cover = Math.min(1, Math.max(0, 0.5 - DISTANCE[shape](column + 0.5 - x, row + 0.5 - y, radius)));
      if (cover === 0) continue;
      const pixel = 3 * (row * side + column);
      for (let channel = 0; channel < 3; channel++) {
        rgb[pixel + channel] += cover * (colour[channel] - rgb[pixel + channel]);
      }
    }
  }
}
