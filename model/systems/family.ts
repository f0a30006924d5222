/** What is known of networks that are built alike, beside the networks themselves. */

/** What all networks have. */
export interface Clips {
  /** Frames per video. */
  readonly frames: number;
  /** Side of a frame, in pixels. */
  readonly imageSize: number;
}

/** What those have that know fixed classes. */
export interface WithHead extends Clips {
  /** Names of the classes, in the order of the head's rows. */
  readonly classes: readonly string[];
}

/** What classes are called whose names a checkpoint does not say. */
export const numberedClasses = (count: number): string[] => Array.from({ length: count }, (_, k) => `class ${k}`);
/** Whether classes have such names. */
export const areNumbered = (classes: readonly string[]): boolean =>
  String(classes) === String(numberedClasses(classes.length));

/** Networks with the same kinds of sizes. */
export interface Family<Sizes> {
  /** The published sizes, and tiny ones that learn in minutes without a GPU. */
  readonly presets: Readonly<Record<string, Sizes>>;
  /** Pixels: pictures are so wide, or a multiple of it. */
  unit(sizes: Sizes): number;
  /** Frames, likewise; any number of them if omitted. */
  frameUnit?(sizes: Sizes): number;
  /** Parameters of the large matrices alone, and numbers that are computed of places in a clip. */
  parameters(sizes: Sizes, clips: Clips): number;
  /** The same with the fewest blocks. */
  shortest(sizes: Sizes): Sizes;
  /** What is wrong with sizes from outside, whose structure is right. */
  problems(sizes: Sizes): string[];
  /** The sizes in words. */
  words(sizes: Sizes): string;
}
