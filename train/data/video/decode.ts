import { AV_DISPOSITION_ATTACHED_PIC, AV_NOPTS_VALUE, AV_PKT_FLAG_CORRUPT, AV_PKT_FLAG_DISCARD, AVERROR_EOF,
  AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { Dictionary, FFmpegError, FormatContext, Packet, type Stream } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import { cut, type I420Frame, type Part } from '../../../kernels/frames/i420.ts';
import type { Signature } from './container.ts';
import { CONVERT_HINT, messagesOf } from './ffmpeg.ts';
import { type EachFrame, FrameDecoder } from './frame_decoder.ts';
import { MAX_PIXELS } from './i420.ts';
import { DAMAGE_HINT, inspect, KIND_HINT, type VideoFile } from './inspect.ts';
import { segmentsOf } from './segments.ts';

/**
 * Compressed frames up to this many bytes are kept while they are counted; a larger file is read a second time to
 * decode it.
 */
const MAX_KEPT_BYTES = 2 ** 26;

/** A way of FFmpeg to read a container. */
interface Demuxer {
  readonly name: string;
  /** Its headers do not tell which streams there are: the first packets are looked into. */
  readonly hasNoHeader?: boolean;
}

/**
 * The only demuxer that may read a file that begins so. Others, playlists above all, open further files on their own.
 */
const DEMUXERS: Readonly<Record<Exclude<Signature, 'unknown'>, Demuxer>> = {
  iso: { name: 'mov' },
  ebml: { name: 'matroska' },
  riff: { name: 'avi' },
  transport: { name: 'mpegts' },
  program: { name: 'mpeg', hasNoHeader: true },
  flash: { name: 'flv', hasNoHeader: true },
  asf: { name: 'asf' },
  ogg: { name: 'ogg' },
  gif: { name: 'gif' },
};

/**
 * FFmpeg is called synchronously, since a hop to another thread and back costs more than a small frame; the event loop
 * gets its turn after this long.
 */
const TURN_MS = 10;

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

/** Given the number of frames, the indices wanted. */
export type Picker = (total: number) => readonly number[];

/** What is kept of a file's pictures; all are of one size. */
export type PartOf = (size: { readonly width: number; readonly height: number }) => Part;

/** Takes in all frames of a file, whole, in the order of presentation. */
export interface FrameSink {
  /** The first frame comes next, it may be for a second time. */
  begin(): void;
  add(frame: I420Frame): void;
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

/** What is known of a file before it is decoded. */
export interface Timeline {
  /** Frames. */
  readonly total: number;
  /** When each of them is shown, in seconds from the first; undefined where the file does not tell. */
  readonly times: readonly number[] | undefined;
}

/** Takes frames of a file one after another, in the order of presentation. */
export interface FrameStream {
  /**
   * Says which frames are wanted. It may be asked a second time, where a file shows fewer frames than it seemed to:
   * then all frames come anew.
   */
  begin(timeline: Timeline): readonly number[];
  /** What is kept of each frame. */
  readonly partOf: PartOf;
  take(index: number, frame: I420Frame): void;
  /** Waited for before more is decoded; undefined: there is nothing to wait for. */
  ready(): Promise<void> | undefined;
}

/**
 * As `readParts`, but keeps no frame: so a video of any length takes little memory. It is decoded once, from its start
 * to its end. Errors come when they are met, after the frames before them.
 */
export async function streamParts(path: string, stream: FrameStream): Promise<void> {
  const file = inspect(path);
  return withVideo(file, {}, async (opened) => {
    using census = new Census(file);
    await take(census, file, opened);
    await decodeAs(file, opened, census, (total) => ({
      wanted: indices(() => stream.begin({ total, times: timesOf(opened, census, total) }), total),
      partOf: stream.partOf,
      keep: (place, frame) => stream.take(place, frame),
      ready: () => stream.ready(),
    }));
  });
}

/** The times that packets have, or else those of a constant rate, if the file states one. */
function timesOf({ stream: { timeBase, avgFrameRate } }: Opened, { times }: Census, total: number) {
  if (times.length === total && !times.includes(AV_NOPTS_VALUE)) {
    const [first, ...others] = times.toSorted((a, b) => (a < b ? -1 : 1));
    return [0, ...others.map((time) => (Number(time - first) * timeBase.num) / timeBase.den)];
  }
  if (avgFrameRate.num <= 0 || avgFrameRate.den <= 0) return undefined;
  return Array.from({ length: total }, (_, i) => (i * avgFrameRate.den) / avgFrameRate.num);
}

function indices(pick: Picker, total: number): readonly number[] {
  const wanted = pick(total);
  const wrong = wanted.find((index) => !Number.isInteger(index) || index < 0 || index >= total);
  if (wrong !== undefined) {
    throw new RangeError(`readFrames: pick(${total}) gave ${wrong}, expected whole numbers in [0, ${total})`);
  }
  return wanted;
}

interface Opened {
  readonly input: FormatContext;
  readonly stream: Stream;
}

async function withVideo<T>({ path, signature }: VideoFile, options: Readonly<Record<string, string>>,
  use: (opened: Opened) => Promise<T>): Promise<T> {
  const { name, hasNoHeader } = DEMUXERS[signature];
  const input = new FormatContext();
  try {
    using dictionary = Dictionary.fromObject({ format_whitelist: name, protocol_whitelist: 'file', ...options });
    const code = input.openInputSync(`file:${path}`, null, dictionary);
    if (code < 0) {
      throw new VideoDecodeError(path, `its header cannot be read: ${FFmpegError.strerror(code)}`, undefined,
        DAMAGE_HINT);
    }
    // Else what is in the headers is enough: this decodes the first frames, and opens decoders for sound.
    if (hasNoHeader === true) input.findStreamInfoSync(null);
    const stream = input.streams[input.findBestStream(AVMEDIA_TYPE_VIDEO)];
    if (stream === undefined || stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC)) {
      const others = input.nbStreams === 0 ? 'no streams at all' : 'only sound, data or a cover picture';
      throw new VideoDecodeError(path, `has no video, ${others}`, undefined, KIND_HINT);
    }
    checkSize(path, stream.codecpar.width, stream.codecpar.height);
    return await use({ input, stream });
  } finally {
    input.closeInputSync();
  }
}

function checkSize(path: string, width: number, height: number): void {
  if (width * height > MAX_PIXELS) {
    throw new VideoDecodeError(path,
      `states a picture of ${width} × ${height}, more than ${MAX_PIXELS.toLocaleString('en-US')} pixels`, undefined,
      CONVERT_HINT);
  }
}

/** Lets others have the event loop, now and then. */
function turns(): () => Promise<void> | undefined {
  let pause = performance.now() + TURN_MS;
  return () => {
    if (performance.now() <= pause) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        pause = performance.now() + TURN_MS;
        resolve();
      })
    );
  };
}

/** What it returns is waited for. */
type EachPacket = (packet: Packet) => unknown;

/** Calls `each` for every packet of the stream, in the order of the file. */
async function forPackets(path: string, { input, stream }: Opened, each: EachPacket): Promise<void> {
  using packet = new Packet();
  packet.alloc();
  const turn = turns();
  for (let place = 0;;) {
    await turn();
    const code = input.readFrameSync(packet);
    if (code === AVERROR_EOF) return;
    if (code < 0) {
      throw new VideoDecodeError(path, `cannot be read after frame ${place}: ${FFmpegError.strerror(code)}`, undefined,
        DAMAGE_HINT);
    }
    if (packet.streamIndex === stream.index) {
      if (packet.hasFlags(AV_PKT_FLAG_CORRUPT)) {
        throw new VideoDecodeError(path, `frame ${place} is incomplete: the file is damaged or cut off`, undefined,
          DAMAGE_HINT);
      }
      await each(packet);
      place++;
    }
    packet.unref();
  }
}

/** What counting the packets of a file tells. */
class Census {
  packets = 0;
  /** Packets that should give a frame to look at. */
  shown = 0;
  /** When those frames are shown, in the order of the file. */
  readonly times: bigint[] = [];
  /**
   * Frames to be shown before the first one of the file. Of a piece cut out of a longer video they cannot be decoded;
   * players skip them.
   */
  leading = 0;
  /** The packets themselves, unless they are too large. */
  kept: Packet[] | undefined = [];
  readonly #isUntimedLeading: boolean;
  #first: bigint | undefined;
  #bytes = 0;

  constructor({ signature }: VideoFile) {
    // in Matroska what lies before time 0 has no time at all; elsewhere not every packet needs one
    this.#isUntimedLeading = signature === 'ebml';
  }

  add(packet: Packet): void {
    const { size, pts } = packet;
    this.#first ??= pts;
    this.packets++;
    if (size === 0) return;
    if (pts < this.#first && (pts !== AV_NOPTS_VALUE || this.#isUntimedLeading)) this.leading++;
    if (!packet.hasFlags(AV_PKT_FLAG_DISCARD)) { // an edit list may leave frames out
      this.shown++;
      this.times.push(pts);
    }
    this.#bytes += size;
    const copy = this.#bytes > MAX_KEPT_BYTES ? null : packet.clone();
    if (copy === null) this[Symbol.dispose]();
    else this.kept?.push(copy);
  }

  [Symbol.dispose](): void {
    for (const packet of this.kept ?? []) packet.free();
    this.kept = undefined;
  }
}

/** Counts packets; a container's own count is only believed to find what is missing. */
async function take(census: Census, file: VideoFile, opened: Opened): Promise<void> {
  const { path } = file;
  await forPackets(path, opened, (packet) => census.add(packet));
  if (file.signature === 'riff') census.leading = 0; // avi has no times of presentation
  const stated = Number(opened.stream.nbFrames) - (file.emptyChunks.get(opened.stream.index) ?? 0);
  if (census.packets < stated) {
    // The count that mp4 states is that before its edit list, which may have dropped frames rightly.
    let { packets } = census;
    if (file.signature === 'iso') {
      packets = 0;
      await withVideo(file, { ignore_editlist: '1' }, (whole) => forPackets(path, whole, () => packets++));
    }
    if (packets < stated) {
      throw new VideoDecodeError(path, `is cut off: holds ${packets} of the ${stated} frames that it states`, undefined,
        DAMAGE_HINT);
    }
  }
  if (census.shown === 0) {
    throw new VideoDecodeError(path, 'has a video track without a single frame', undefined, DAMAGE_HINT);
  }
}

/** Calls `each` for every packet once more. */
async function replay(file: VideoFile, { kept }: Census, each: EachPacket): Promise<void> {
  if (kept === undefined) return withVideo(file, {}, (again) => forPackets(file.path, again, each));
  const turn = turns();
  for (const packet of kept) {
    await turn();
    await each(packet);
  }
}

/** What of a file is decoded, and what is kept of it. */
interface Order {
  readonly wanted: readonly number[];
  readonly partOf: PartOf | undefined;
  readonly sink?: FrameSink;
  /** Gets each wanted frame once. */
  keep(place: number, frame: I420Frame): void;
  /** Waited for before the next packet. */
  readonly ready?: () => Promise<void> | undefined;
}

/** Decodes the whole file as its number of frames asks for. */
async function decodeAs(file: VideoFile, opened: Opened, census: Census,
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
