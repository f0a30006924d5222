/** A long video as pieces of equal time, each sampled as a clip of its own; decoded once, whatever its length. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import { type I420Frame, partOf } from '../../../kernels/frames/i420.ts';
import type { Resize } from '../../../model/checkpoint/preprocessor.ts';
import { type Timeline, streamParts } from '../video/stream.ts';
import { isPicture } from '../video/read.ts';
import { type Piece, piecesOf } from '../views/pieces.ts';
import { centralView } from '../views/crops.ts';
import { sampleForEvaluation } from '../views/sampling.ts';
import type { View } from '../views/view.ts';
import { asEvaluated } from './plan.ts';
import { readSample } from './sample.ts';

/** How pieces are cut and looked at. */
export interface PieceSampling {
  /** T, frames sampled from each piece. */
  readonly frames: number;
  /** Input side in pixels. */
  readonly size: number;
  readonly resize: Resize | null;
  /** Seconds of a piece. */
  readonly window: number;
}

/** Some pieces of a video that follow each other. */
export interface Pieces {
  /** Place of the first of them among all of the video. Where it is 0, all that came before of this video is void. */
  readonly first: number;
  /** Pieces of the whole video. */
  readonly total: number;
  readonly times: readonly Pick<Piece, 'start' | 'stop'>[];
  /** [V · T] */
  readonly frames: readonly I420Frame[];
  /** [V] */
  readonly views: readonly View[];
}

/** Bytes of frames that come together, unless one piece alone has more. */
const MOST_BYTES = 64 * 2 ** 20;
/** Pieces that come together: more at once make no adapter faster. */
const MOST_PIECES = 32;

/**
 * Reads the pieces of a video, some at a time, each as an evaluation looks at a clip.
 *
 * @param take is waited for before more is decoded
 * @param from the first piece that is wanted: those before it were taken by an earlier call
 * @throws VideoDecodeError naming the file and the reason, it may be after pieces were taken
 */
export async function readPieces(path: string, sampling: PieceSampling, take: (pieces: Pieces) => Promise<void>,
  from = 0): Promise<void> {
  if (isPicture(path)) return take(await pictureOf(path, sampling));
  const stream = new PieceStream(path, sampling, { take, from });
  await streamParts(path, stream);
  await stream.end();
}

/** A picture is one piece, without any time. */
async function pictureOf(path: string, { frames, size, resize }: PieceSampling): Promise<Pieces> {
  const sample = await readSample({ path, index: 0, ...asEvaluated({ frames, size }, resize) });
  return { first: 0, total: 1, times: [{ start: 0, stop: 0 }], frames: sample.frames, views: sample.views };
}

/** Puts frames together to pieces, and pieces to what is handed on. */
export class PieceStream {
  readonly #path: string;
  readonly #sampling: PieceSampling;
  readonly #take: (pieces: Pieces) => Promise<void>;
  #from: number;
  #pieces: readonly Piece[] = [];
  /** The frames that each piece is looked at by. */
  #picked: readonly (readonly number[])[] = [];
  #handedOn = 0; // or wanted by nobody
  /** Pieces whose frames are all here, of those that are not handed on. */
  #whole = 0;
  #frames = new Map<number, I420Frame>();
  #bytes = 0;

  constructor(path: string, sampling: PieceSampling,
    { take, from }: { readonly take: (pieces: Pieces) => Promise<void>; readonly from: number }) {
    this.#path = path;
    this.#sampling = sampling;
    this.#take = take;
    this.#from = from;
  }

  begin({ total, times }: Timeline): readonly number[] {
    if (times === undefined) {
      throw new VideoDecodeError(this.#path, 'does not tell when its frames are shown, so no piece can be cut',
        undefined, 'convert it, for example to mp4, or leave --window out');
    }
    if (times.length !== total) throw new RangeError(`${times.length} times for ${total} frames`);
    const { frames, window } = this.#sampling;
    this.#pieces = piecesOf(times, window);
    this.#picked = this.#pieces.map(({ first, end }) =>
      sampleForEvaluation(end - first, frames).map((index) => first + index)
    );
    this.#handedOn = this.#from;
    this.#from = 0; // asked a second time, other pieces are cut than before
    this.#whole = 0;
    this.#frames = new Map();
    this.#bytes = 0;
    return this.#picked.slice(this.#handedOn).flat();
  }

  partOf = (picture: { readonly width: number; readonly height: number }) => {
    const { size, resize } = this.#sampling;
    return partOf(picture, { crop: centralView(picture, size, resize) }, { size, resampling: resize?.resampling });
  };

  take(index: number, frame: I420Frame): void {
    this.#frames.set(index, frame);
    this.#bytes += frame.data.length;
    while (this.#picked[this.#handedOn + this.#whole]?.every((each) => this.#frames.has(each))) this.#whole++;
  }

  ready(): Promise<void> | undefined {
    return this.#whole > 0 && (this.#bytes >= MOST_BYTES || this.#whole >= MOST_PIECES) ? this.#handOn() : undefined;
  }

  /** Hands on what is left. */
  async end(): Promise<void> {
    if (this.#whole > 0) await this.#handOn();
  }

  async #handOn(): Promise<void> {
    const [first, count] = [this.#handedOn, this.#whole];
    const picked = this.#picked.slice(first, first + count);
    const frames = picked.flat().map((index) => this.#frames.get(index) as I420Frame);
    const crop = centralView(frames[0], this.#sampling.size, this.#sampling.resize);
    const pieces = { first, total: this.#pieces.length, times: this.#pieces.slice(first, first + count), frames,
      views: picked.map((own) => ({ frames: own, crop, flip: false })) };
    for (const index of picked.flat()) this.#frames.delete(index);
    this.#bytes = [...this.#frames.values()].reduce((sum, { data }) => sum + data.length, 0);
    this.#handedOn += count;
    this.#whole = 0;
    await this.#take(pieces);
  }
}
