import type { FirstlightError } from '../../engine/errors.ts';
import type { Sample } from '../data/loading/plan.ts';

/** A clip that was decoded, or why it could not be. */
export interface Decoded {
  readonly path: string;
  readonly result: Sample | FirstlightError;
}

/** One that may be decoded yet. */
interface Waiting {
  readonly path: string;
  result: Decoded['result'] | undefined;
}

/** Bytes of decoded frames that may wait for the model, unless one clip alone has more. */
const MOST_BYTES = 256 * 2 ** 20;

export interface ClipQueueOptions {
  /** Decodes a clip; what is wrong with the clip it answers, and does not throw. */
  read(path: string, index: number): Promise<Sample | FirstlightError>;
  /** Clips that wait, or are being decoded, at most. */
  readonly ahead: number;
}

/** Clips on their way to the model: decoded ahead of it, while paths come in, and given in the order of the paths. */
export class ClipQueue {
  readonly #options: ClipQueueOptions;
  readonly #clips: Waiting[] = [];
  #bytes = 0;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;
  #changed = this.#nextChange();

  constructor(paths: AsyncIterable<string>, options: ClipQueueOptions) {
    this.#options = options;
    void this.#fill(paths);
  }

  /**
   * The next clips, `most` of them at the most; none at the end of the paths.
   *
   * @param isPatient wait for as many as that, if there will be; else for the next one, and take what is there then
   * @throws what the paths threw, once all clips before that are given
   */
  async take(most: number, isPatient: boolean): Promise<readonly Decoded[]> {
    for (;;) {
      const clips = this.#clips;
      const undecoded = clips.findIndex(({ result }) => result === undefined);
      const ready = undecoded < 0 ? clips.length : undecoded;
      const isAll = undecoded < 0 && (this.#isEnded || this.#isFull);
      if (ready >= (isPatient ? most : 1) || isAll) {
        if (ready === 0 && this.#failure !== undefined) throw this.#failure.error;
        const taken = clips.splice(0, Math.min(ready, most)) as Decoded[];
        for (const { result } of taken) this.#bytes -= bytesOf(result);
        this.#tell();
        return taken;
      }
      await this.#changed;
    }
  }

  get #isFull(): boolean {
    return this.#clips.length > 0 && (this.#clips.length >= this.#options.ahead || this.#bytes >= MOST_BYTES);
  }

  async #fill(paths: AsyncIterable<string>): Promise<void> {
    try {
      let index = 0;
      for await (const path of paths) {
        if (this.#isEnded) return; // while this one came
        const clip: Waiting = { path, result: undefined };
        this.#clips.push(clip);
        this.#options.read(path, index++).then((result) => {
          clip.result = result;
          this.#bytes += bytesOf(result);
          this.#tell();
        }, (error: unknown) => this.fail(error));
        while (this.#isFull) await this.#changed;
        if (this.#isEnded) return;
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#isEnded = true;
    this.#tell();
  }

  /** Gives nothing any more, and throws that: something that is no fault of a clip. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.close();
  }

  /** Gives nothing any more. */
  close(): void {
    this.#clips.length = 0;
    this.#isEnded = true;
    this.#tell();
  }

  #tell(): void {
    const wake = this.#wake;
    this.#changed = this.#nextChange();
    wake();
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}

const bytesOf = (result: Decoded['result']): number =>
  'frames' in result ? [...new Set(result.frames)].reduce((sum, { data }) => sum + data.length, 0) : 0;
