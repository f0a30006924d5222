import { VideoDecodeError } from '../../../engine/errors.ts';
import { cut, type I420Frame } from '../../../kernels/frames/i420.ts';
import { Census, take } from './census.ts';
import { type Opened, turns, withVideo } from './demuxer.ts';
import { messagesOf } from './ffmpeg.ts';
import { type EachFrame, FrameDecoder } from './frame_decoder.ts';
import { inspect } from './inspect.ts';
import { decodeAs, type FrameSink, type Order, type PartOf } from './order.ts';
import { indices, type Picker } from './picker.ts';
import { segmentsOf } from './segments.ts';

/**
 * Reads frames of a video file (mp4, mov, webm, mkv, avi, ts, mpg, flv, wmv, ogv, gif), chosen by their place in the
 * order of presentation. Frames are counted, never timed: a rate may vary, a first time stamp need not be 0, and a
 * stated duration may be wrong.
 *
 * Every frame is decoded, by one thread and without hardware, and only those that are picked are kept. Whatever the
 * decoder would paper over is an error: a damaged or missing frame must not become a training sample unnoticed. What no
 * decoder can see stays unseen: VP8 and VP9 make a picture of any bits, and only the checksums that Matroska may hold
 * tell of a flipped one. Pixels that are not square are left as they are.
 *
 * @param pick given the number of frames (at least 1), the indices wanted, in any order and also repeated
 * @returns one frame for every index; repeated indices share one object
 * @throws VideoDecodeError naming the file and the reason, with what FFmpeg says as its cause
 */
export async function readFrames(path: string, pick: Picker): Promise<I420Frame[]> {
  try {
    return await readParts(path, pick, { isWhole: true });
  } catch (error) {
    if (!(error instanceof VideoDecodeError)) throw error;
    const messages = await messagesOf(() => readParts(path, pick, { isWhole: true }));
    if (messages.length === 0) throw error;
    throw new VideoDecodeError(path, String(error.context.reason), new Error(messages.join('\n')), error.hint);
  }
}

/** How `readParts` reads. */
export interface PartOptions {
  /** What is kept of each picked frame; all of it if omitted. */
  readonly partOf?: PartOf;
  /** Gets every frame, also of a file that turns out not to be readable to its end. */
  readonly sink?: FrameSink;
  /** Decode all of the file, to find whatever is wrong with it, and not only what the frames need. */
  readonly isWhole?: boolean;
}

/**
 * As `readFrames`, but may run in several threads: FFmpeg has one place for its messages, so errors have no cause. Of a
 * file that can be entered at several places only the segments are decoded that the frames are in (see segments.ts);
 * the frames are the same.
 */
export async function readParts(path: string, pick: Picker,
  { partOf, sink, isWhole = false }: PartOptions = {}): Promise<I420Frame[]> {
  const file = inspect(path);
  return withVideo(file, {}, async (opened) => {
    using census = new Census(file);
    await take(census, file, opened);
    if (!isWhole && sink === undefined) {
      const frames = await decodeSegments(path, opened, census, { wanted: indices(pick, census.shown), partOf });
      if (frames !== undefined) return frames;
    }
    const kept = new Map<number, I420Frame>();
    let wanted: readonly number[] = [];
    await decodeAs(file, opened, census, (total) => {
      wanted = indices(pick, total);
      kept.clear();
      return { wanted, partOf, sink, keep: (place, frame) => void kept.set(place, frame) };
    });
    return wanted.map((index) => kept.get(index) as I420Frame);
  });
}

/**
 * Decodes those segments alone that have a wanted frame, each as far as that. Undefined where the file has no segments,
 * or does not keep to what they promise: then all of it has to be decoded, which also tells what is wrong.
 */
async function decodeSegments(path: string, { stream }: Opened, { kept: packets, leading, shown }: Census,
  { wanted, partOf }: Pick<Order, 'wanted' | 'partOf'>): Promise<I420Frame[] | undefined> {
  if (packets === undefined || leading > 0) return undefined;
  const segments = segmentsOf(packets, stream);
  if (segments.length < 2) return undefined;
  const turn = turns();
  const kept = new Map<number, I420Frame>();
  let isAsPromised = true;
  try {
    using decoder = new FrameDecoder(path, stream, shown);
    for (const { packets: own, first, times } of segments) {
      const missing = new Set(wanted.filter((index) => index >= first && index < first + times.length));
      if (missing.size === 0) continue;
      decoder.restart(first);
      const each: EachFrame = (place, convert, time) => {
        isAsPromised &&= time === times[place - first];
        if (!missing.delete(place)) return;
        const picture = convert();
        kept.set(place, partOf === undefined ? picture : cut(picture, partOf(picture)));
      };
      for (const packet of own) {
        await turn();
        decoder.send(packet, each);
        if (missing.size === 0) break;
      }
      if (missing.size > 0) decoder.send(null, each);
      if (!isAsPromised || missing.size > 0 || decoder.mayShowFewer) return undefined;
    }
  } catch (error) {
    if (error instanceof VideoDecodeError) return undefined;
    throw error;
  }
  return wanted.map((index) => kept.get(index) as I420Frame);
}
