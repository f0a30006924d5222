import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import {
  AV_CODEC_ID_MPEG4, AV_CODEC_ID_VP8, AV_DISPOSITION_ATTACHED_PIC, AV_FRAME_FLAG_INTERLACED, AV_PKT_DATA_DISPLAYMATRIX, AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD, AVERROR_EAGAIN, AVERROR_EOF, AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import { avGetCodecName, Codec, CodecContext, Dictionary, FFmpegError, FormatContext, Frame, Packet, type Stream } from 'node-av/lib';
import { VideoDecodeError } from '../../engine/errors.ts';
import { examine, signatureOf, type Structure } from './container.ts';
import { messagesOf, setOptions } from './ffmpeg.ts';
import type { I420Frame } from './i420.ts';
import { rotate, toI420 } from './picture.ts';

/** 8K (7680 × 4320): a header may claim any size, and memory is taken by what it claims. */
const MAX_PIXELS = 33_177_600;

/** The only demuxers that may run. Others, playlists above all, open further files on their own. */
const DEMUXERS = 'mov,matroska,avi';

/**
 * FFmpeg is called synchronously, since a hop to another thread and back costs more than a small frame; the event loop
 * gets its turn after this long.
 */
const TURN_MS = 10;

/** mp4 stores a rotation as two rows of a 16.16 matrix: [cos, sin, −sin, cos], here in quarter turns clockwise. */
const QUARTER_TURNS: Readonly<Record<string, number>> = { '1,0,0,1': 0, '0,1,-1,0': 1, '-1,0,0,-1': 2, '0,-1,1,0': 3 };

/**
 * Reads frames of a video file (mp4, mov, webm, mkv, avi), chosen by their place in the order of presentation. Frames are
 * counted, never timed: a rate may vary, a first time stamp need not be 0, and a stated duration may be wrong.
 *
 * Every frame is decoded, by one thread and without hardware, and only those that are picked are kept. Whatever the decoder
 * would paper over is an error: a damaged or missing frame must not become a training sample unnoticed.
 *
 * @param pick given the number of frames (at least 1), the indices wanted, in any order and also repeated
 * @returns one frame for every index; repeated indices share one object
 * @throws VideoDecodeError naming the file and the reason
 */
export async function readFrames(path: string, pick: (total: number) => readonly number[]): Promise<I420Frame[]> {
  try {
    return await read(path, pick);
  } catch (error) {
    if (!(error instanceof VideoDecodeError)) throw error;
    const messages = await messagesOf(() => read(path, pick));
    if (messages.length === 0) throw error;
    throw new VideoDecodeError(path, String(error.context.reason), new Error(messages.join('\n')));
  }
}

async function read(path: string, pick: (total: number) => readonly number[]): Promise<I420Frame[]> {
  const structure = inspect(path);
  const shown = await countShown(path, structure);
  let decoded = await decode(path, shown, indices(pick, shown));
  // Some codecs have packets that show nothing (see `mayHideFrames`): then the decoder's count is the true one.
  if (decoded.total !== shown) decoded = await decode(path, decoded.total, indices(pick, decoded.total));
  return decoded.frames;
}

function indices(pick: (total: number) => readonly number[], total: number): readonly number[] {
  const wanted = pick(total);
  const wrong = wanted.find((index) => !Number.isInteger(index) || index < 0 || index >= total);
  if (wrong !== undefined) throw new RangeError(`readFrames: pick(${total}) gave ${wrong}, expected whole numbers in [0, ${total})`);
  return wanted;
}

/** Refuses what can be told from the file's outside, in a person's words. */
function inspect(path: string): Structure {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new VideoDecodeError(path, { ENOENT: 'no such file', EACCES: 'may not be read (permission denied)' }[code ?? ''] ?? message);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new VideoDecodeError(path, stats.isDirectory() ? 'is a folder' : 'is not a regular file');
    if (stats.size === 0) throw new VideoDecodeError(path, 'the file is empty');
    const buffer = Buffer.alloc(64);
    const head = buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0));
    const signature = signatureOf(head);
    if (signature === 'unknown') throw new VideoDecodeError(path, `is ${kindOf(head)}, not a video (mp4, mov, webm, mkv or avi)`);
    const structure = examine(file, stats.size, signature);
    const { missing, damagedAt } = structure;
    if (missing > 0) throw new VideoDecodeError(path, `is cut off: ${missing.toLocaleString('en-US')} bytes are missing at the end`);
    if (damagedAt !== undefined) throw new VideoDecodeError(path, `is damaged: its parts do not fit at byte ${damagedAt.toLocaleString('en-US')}`);
    return structure;
  } finally {
    closeSync(file);
  }
}

/** A name for files that are no videos. */
function kindOf(head: Buffer): string {
  const text = head.toString('latin1');
  if (text.startsWith('\x89PNG')) return 'a PNG picture';
  if (text.startsWith('\xff\xd8\xff')) return 'a JPEG picture';
  if (text.startsWith('GIF8')) return 'a GIF picture';
  if (/^(\xef\xbb\xbf)?#EXTM3U/.test(text)) return 'a playlist (m3u8)';
  if (/^(\xef\xbb\xbf)?ffconcat/.test(text)) return 'a playlist (ffconcat)';
  return /^[\t\n\r\x20-\x7e]*$/.test(text) ? 'a text' : 'an unknown kind of file';
}

interface Opened {
  readonly input: FormatContext;
  readonly stream: Stream;
}

async function withVideo<T>(path: string, options: Readonly<Record<string, string>>, use: (opened: Opened) => Promise<T>): Promise<T> {
  const input = new FormatContext();
  try {
    using dictionary = Dictionary.fromObject({ format_whitelist: DEMUXERS, protocol_whitelist: 'file', ...options });
    const opened = input.openInputSync(`file:${path}`, null, dictionary);
    if (opened < 0) throw new VideoDecodeError(path, `its header cannot be read: ${FFmpegError.strerror(opened)}`);
    for (const { codecpar } of input.streams) if (codecpar.codecType === AVMEDIA_TYPE_VIDEO) checkSize(path, codecpar.width, codecpar.height);
    const found = input.findStreamInfoSync();
    if (found < 0) throw new VideoDecodeError(path, `its streams cannot be read: ${FFmpegError.strerror(found)}`);
    const stream = input.streams[input.findBestStream(AVMEDIA_TYPE_VIDEO)];
    if (stream === undefined || stream.hasDisposition(AV_DISPOSITION_ATTACHED_PIC)) {
      const others = input.nbStreams === 0 ? 'no streams at all' : 'only sound or data';
      throw new VideoDecodeError(path, `has no video, ${others}`);
    }
    checkSize(path, stream.codecpar.width, stream.codecpar.height);
    return await use({ input, stream });
  } finally {
    input.closeInputSync();
  }
}

function checkSize(path: string, width: number, height: number): void {
  if (width * height > MAX_PIXELS) {
    throw new VideoDecodeError(path, `states a picture of ${width} × ${height}, more than ${MAX_PIXELS.toLocaleString('en-US')} pixels`);
  }
}

/** Calls `each` for every packet of the stream, in the order of the file. */
async function forPackets(path: string, { input, stream }: Opened, each: (packet: Packet) => void): Promise<void> {
  using packet = new Packet();
  packet.alloc();
  let place = 0;
  let pause = performance.now() + TURN_MS;
  for (;;) {
    if (performance.now() > pause) {
      await new Promise((resolve) => setImmediate(resolve));
      pause = performance.now() + TURN_MS;
    }
    const code = input.readFrameSync(packet);
    if (code === AVERROR_EOF) return;
    if (code < 0) throw new VideoDecodeError(path, `cannot be read after frame ${place}: ${FFmpegError.strerror(code)}`);
    if (packet.streamIndex === stream.index) {
      if (packet.flags & AV_PKT_FLAG_CORRUPT) throw new VideoDecodeError(path, `frame ${place} is incomplete: the file is damaged or cut off`);
      each(packet);
      place++;
    }
    packet.unref();
  }
}

/** Number of frames to expect, by counting packets; a container's own count is only believed to find what is missing. */
async function countShown(path: string, { emptyChunks }: Structure): Promise<number> {
  const census = (options: Readonly<Record<string, string>>) => withVideo(path, options, async (opened) => {
    const empty = emptyChunks.get(opened.stream.index) ?? 0;
    const count = { packets: 0, shown: 0, stated: Number(opened.stream.nbFrames) - empty };
    await forPackets(path, opened, (packet) => {
      count.packets++;
      if (packet.size > 0 && !(packet.flags & AV_PKT_FLAG_DISCARD)) count.shown++;   // an edit list may leave frames out
    });
    return count;
  });
  const { packets, shown, stated } = await census({});
  if (packets < stated) {
    // The count that mp4 states is that before its edit list, which may have dropped frames rightly.
    const whole = ['.mp4', '.mov', '.m4v'].includes(extname(path).toLowerCase()) ? await census({ ignore_editlist: '1' }) : { packets };
    if (whole.packets < stated) throw new VideoDecodeError(path, `is cut off: holds ${whole.packets} of the ${stated} frames that it states`);
  }
  if (shown === 0) throw new VideoDecodeError(path, 'has a video track without a single frame');
  return shown;
}

/** Packets without a frame of their own: hidden reference frames (VP8), placeholders (DivX), the second field of a frame. */
function mayHideFrames(stream: Stream, interlaced: boolean): boolean {
  return interlaced || stream.codecpar.codecId === AV_CODEC_ID_VP8 || stream.codecpar.codecId === AV_CODEC_ID_MPEG4;
}

/** Decodes the whole file and keeps the frames at `wanted`. If another number of frames than `expected` is shown, returns none. */
async function decode(path: string, expected: number, wanted: readonly number[]): Promise<{ total: number; frames: I420Frame[] }> {
  return withVideo(path, {}, async (opened) => {
    const { stream } = opened;
    const turns = quarterTurns(path, stream);
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (codec === null) throw new VideoDecodeError(path, `is coded as ${avGetCodecName(stream.codecpar.codecId)}, which cannot be decoded here`);
    using decoder = new CodecContext();
    decoder.allocContext3(codec);
    FFmpegError.throwIfError(decoder.parametersToContext(stream.codecpar), 'codec parameters');
    decoder.pktTimebase = stream.timeBase;
    decoder.threadCount = 1;
    setOptions(decoder, { err_detect: 'explode', max_pixels: String(MAX_PIXELS) });
    const ready = decoder.open2Sync(codec);
    if (ready < 0) throw new VideoDecodeError(path, `its ${codec.name} decoder does not start: ${FFmpegError.strerror(ready)}`);

    using frame = new Frame();
    frame.alloc();
    const keep = new Set(wanted);
    const kept = new Map<number, I420Frame>();
    let total = 0;
    let interlaced = false;
    let size: { width: number; height: number } | undefined;
    const damaged = (code: number) => new VideoDecodeError(path, `frame ${total} of ${expected} is damaged: ${FFmpegError.strerror(code)}`);
    const send = (packet: Packet | null) => {
      const sent = decoder.sendPacketSync(packet);
      if (sent < 0) throw damaged(sent);
      for (;;) {
        const code = decoder.receiveFrameSync(frame);
        if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return;
        if (code < 0) throw damaged(code);
        if (frame.decodeErrorFlags !== 0) throw new VideoDecodeError(path, `frame ${total} of ${expected} is damaged: the decoder had to guess parts of it`);
        size ??= { width: frame.width, height: frame.height };
        if (frame.width !== size.width || frame.height !== size.height) {
          throw new VideoDecodeError(path, `changes its picture from ${size.width} × ${size.height} to ${frame.width} × ${frame.height} at frame ${total}`);
        }
        interlaced ||= frame.hasFlags(AV_FRAME_FLAG_INTERLACED);
        if (keep.has(total)) kept.set(total, rotate(toI420(path, frame), turns));
        total++;
      }
    };
    await forPackets(path, opened, send);
    send(null);

    if (total === 0) throw new VideoDecodeError(path, `none of its ${expected} frames can be decoded`);
    if (total < expected && !mayHideFrames(stream, interlaced)) {
      throw new VideoDecodeError(path, `only ${total} of its ${expected} frames can be decoded`);
    }
    return { total, frames: total === expected ? wanted.map((index) => kept.get(index) as I420Frame) : [] };
  });
}

/** The rotation that players apply, in quarter turns clockwise. */
function quarterTurns(path: string, stream: Stream): number {
  const matrix = stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX);
  if (matrix === null || matrix.length < 36) return 0;
  const entries = [0, 4, 12, 16].map((offset) => matrix.readInt32LE(offset) / 0x10000);
  const turns = QUARTER_TURNS[entries.map((entry) => entry + 0).join(',')];
  if (turns === undefined) throw new VideoDecodeError(path, `asks to be shown mirrored or turned by part of a right angle (matrix ${entries.join(', ')})`);
  return turns;
}
