/** The last seconds of something that goes on. */
import type { I420Frame } from '../../../kernels/frames/i420.ts';

/** A pause from which on what came before is no longer of the same motion: a hidden tab, a camera that was covered. */
const PAUSE_SECONDS = 0.5;

/** Frames no older than so many seconds, of one size and without a pause. */
export class LastSeconds {
  readonly #seconds: number;
  readonly #frames: { readonly time: number; readonly frame: I420Frame }[] = [];
  #since = Number.NEGATIVE_INFINITY;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** @param time in seconds, later than that of the frame before */
  add(time: number, frame: I420Frame): void {
    const frames = this.#frames;
    const last = frames.at(-1);
    const isOther = last === undefined || time - last.time > PAUSE_SECONDS || last.frame.width !== frame.width
      || last.frame.height !== frame.height;
    if (isOther) {
      frames.length = 0;
      this.#since = time;
    }
    frames.push({ time, frame });
    while (frames[0].time <= time - this.#seconds) frames.shift();
  }

  /** All of them, once they are as many seconds; undefined before. */
  get frames(): readonly I420Frame[] | undefined {
    const last = this.#frames.at(-1);
    if (last === undefined || last.time - this.#since < this.#seconds) return undefined;
    return this.#frames.map(({ frame }) => frame);
  }
}
