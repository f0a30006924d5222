/** Files as rows of compressed frames: FFmpeg's demuxers, each for the files that are its own. */
import { AV_DISPOSITION_ATTACHED_PIC, AV_PKT_FLAG_CORRUPT, AVERROR_EOF, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { Dictionary, FFmpegError, FormatContext, Packet, type Stream } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { Signature } from './container.ts';
import { CONVERT_HINT, KIND_HINT, DAMAGE_HINT } from './hints.ts';
import { MAX_PIXELS } from './i420.ts';
import type { VideoFile } from './inspect.ts';

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

export interface Opened {
  readonly input: FormatContext;
  readonly stream: Stream;
}

export async function withVideo<T>({ path, signature }: VideoFile, options: Readonly<Record<string, string>>,
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
export function turns(): () => Promise<void> | undefined {
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
export type EachPacket = (packet: Packet) => unknown;

/** Calls `each` for every packet of the stream, in the order of the file. */
export async function forPackets(path: string, { input, stream }: Opened, each: EachPacket): Promise<void> {
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
