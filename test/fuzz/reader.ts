import type { Random } from '../../engine/random.ts';

/** A reader of files from outside, and the files that it is tried with. */
export interface Reader {
  readonly name: string;
  /**
   * What it refuses files for: the reason of a CheckpointFormatError, or words of a message. Each can be reached by
   * what `draw` makes.
   */
  readonly reasons: readonly string[];
  /** An input, which follows from the draws alone. */
  draw(random: Random): Uint8Array;
  /** For reasons that `draw` reaches seldom: inputs that are refused for them. They come among the first. */
  readonly aimed?: Readonly<Record<string, (random: Random) => Uint8Array>>;
  /**
   * Reads an input to its end.
   * @throws FirstlightError where it is refused, Broken where it is taken and what came of it cannot be
   */
  read(bytes: Uint8Array): unknown;
}

/** A file that was taken, and of which came what cannot be. */
export class Broken extends Error {}

/** @throws Broken unless it holds */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Broken(what);
}
