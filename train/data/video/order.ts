/** What is decoded of a whole file, and who gets it. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import { cut, type I420Frame, type Part } from '../../../kernels/frames/i420.ts';
import { type Census, replay } from './census.ts';
import type { Opened } from './demuxer.ts';
import { type EachFrame, FrameDecoder } from './frame_decoder.ts';
import { DAMAGE_HINT } from './hints.ts';
import type { VideoFile } from './inspect.ts';

/** What is kept of a file's pictures; all are of one size. */
export type PartOf = (size: { readonly width: number; readonly height: number }) => Part;

/** Takes in all frames of a file, whole, in the order of presentation. */
export interface FrameSink {
  /** The first frame comes next, it may be for a second time. */
  begin(): void;
  add(frame: I420Frame): void;
}

/** What of a file is decoded, and what is kept of it. */
export interface Order {
  readonly wanted: readonly number[];
  readonly partOf: PartOf | undefined;
  readonly sink?: FrameSink;
  /** Gets each wanted frame once. */
  keep(place: number, frame: I420Frame): void;
  /** Waited for before the next packet. */
  readonly ready?: () => Promise<void> | undefined;
}

/** Decodes the whole file as its number of frames asks for. */
export async function decodeAs(file: VideoFile, opened: Opened, census: Census,
  orderOf: (total: number) => Order): Promise<void> {
  const total = await decode(file, opened, census, census.shown, orderOf(census.shown));
  // Some codecs have packets that show nothing (see `mayShowFewer`): then the decoder's count is the true one.
  if (total !== census.shown) await decode(file, opened, census, total, orderOf(total));
}

/** Decodes the whole file, keeps the frames at `wanted`, and returns how many were shown. */
async function decode(file: VideoFile, { stream }: Opened, census: Census, expected: number,
  { wanted, partOf, sink, keep, ready }: Order): Promise<number> {
  const { path } = file;
  using decoder = new FrameDecoder(path, stream, expected);
  const own = new Set(wanted);
  const each: EachFrame = (place, convert) => {
    if (!own.has(place) && sink === undefined) return;
    const picture = convert();
    sink?.add(picture);
    if (own.has(place)) keep(place, partOf === undefined ? picture : cut(picture, partOf(picture)));
  };
  sink?.begin();
  await replay(file, census, (packet) => {
    decoder.send(packet, each);
    return ready?.();
  });
  decoder.send(null, each);

  const { total } = decoder;
  if (total === 0) {
    throw new VideoDecodeError(path, `none of its ${expected} frames can be decoded`, undefined, DAMAGE_HINT);
  }
  if (total < expected - census.leading && !decoder.mayShowFewer) {
    throw new VideoDecodeError(path, `only ${total} of its ${expected} frames can be decoded`, undefined, DAMAGE_HINT);
  }
  return total;
}
