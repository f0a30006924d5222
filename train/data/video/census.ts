import { AV_NOPTS_VALUE, AV_PKT_FLAG_DISCARD } from 'node-av/constants';
import type { Packet } from 'node-av/lib';
import { VideoDecodeError } from '../../../engine/errors.ts';
import { type EachPacket, forPackets, type Opened, turns, withVideo } from './demuxer.ts';
import { DAMAGE_HINT } from './hints.ts';
import type { VideoFile } from './inspect.ts';

/**
 * Compressed frames up to this many bytes are kept while they are counted; a larger file is read a second time to
 * decode it.
 */
const MAX_KEPT_BYTES = 2 ** 26;

/** What counting the packets of a file tells. */
export class Census {
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
export async function take(census: Census, file: VideoFile, opened: Opened): Promise<void> {
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
export async function replay(file: VideoFile, { kept }: Census, each: EachPacket): Promise<void> {
  if (kept === undefined) return withVideo(file, {}, (again) => forPackets(file.path, again, each));
  const turn = turns();
  for (const packet of kept) {
    await turn();
    await each(packet);
  }
}
