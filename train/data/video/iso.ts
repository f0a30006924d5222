/** ISO base media files: mp4, mov. ISO/IEC 14496-12. */
import { boxAt } from './boxes.ts';
import type { Bytes } from './bytes.ts';
import { cutOff, damagedAt, MAX_CHECKED_BYTES, MOST_LEVELS, type Source } from './source.ts';
import { faultOfTimes } from './times.ts';

/** The head of a box, which takes 16 bytes at most. */
const headAt = (source: Source, at: number) => boxAt(source.read(at, 16), 0);

/** What is wrong with a file: its boxes, the number of its samples, or the times of its frames. */
export function faultOfBoxes(source: Source): string | undefined {
  let samples = 0;
  for (let at = 0; at + 8 <= source.bytes;) {
    const { type, size, head } = headAt(source, at);
    if (size !== 0 && size < head) return damagedAt(at);
    const end = size === 0 ? source.bytes : at + size;
    if (end > source.bytes) return cutOff(end - source.bytes);
    if (type === 'moov' || type === 'moof') {
      if (end - at > MAX_CHECKED_BYTES) {
        return `has a header of ${(end - at).toLocaleString('en-US')} bytes, more than ${
          MAX_CHECKED_BYTES.toLocaleString('en-US')
        }`;
      }
      const contents = source.read(at + head, end - at - head);
      if (contents.includes('cmov')) return 'has a compressed header, which is not read here';
      const stated = statedSamples(contents);
      if (stated === undefined) return damagedAt(at);
      samples += stated;
      // A table of samples of one size takes 20 bytes, whatever their number; demuxers take 24 bytes of memory for
      // each.
      if (samples > source.bytes) {
        return `is damaged: it states ${samples.toLocaleString('en-US')} samples in ${
          source.bytes.toLocaleString('en-US')
        } bytes`;
      }
      const fault = type === 'moov' ? faultOfTimes(contents) : undefined;
      if (fault !== undefined) return `is damaged: ${fault}`;
    }
    at = end;
  }
  return undefined;
}

/** The contents of a file's `moov`, of a file whose boxes have no fault. */
export function movieOf(source: Source): Bytes | undefined {
  for (let at = 0; at + 8 <= source.bytes;) {
    const { type, size, head } = headAt(source, at);
    const end = size === 0 ? source.bytes : at + size;
    if (type === 'moov') return source.read(at + head, end - at - head);
    at = end;
  }
  return undefined;
}

/** Boxes that hold boxes and, further in, the tables of samples. */
const PARENTS = new Set(['trak', 'mdia', 'minf', 'stbl', 'traf']);
/**
 * Where the tables of samples (stsz, stz2) and the runs of fragments (trun) keep their number. Sections 8.7.3 and
 * 8.8.8.
 */
const COUNT_OFFSETS: Readonly<Record<string, number>> = { stsz: 8, stz2: 8, trun: 4 };

/** Samples that a header says the file holds; undefined if its boxes nest deeper than any file's. */
function statedSamples(boxes: Bytes, level = 0): number | undefined {
  if (level > MOST_LEVELS) return undefined;
  let samples = 0;
  for (let at = 0; at + 8 <= boxes.length;) {
    const { type, size, head } = boxAt(boxes, at);
    const end = size === 0 ? boxes.length : at + size;
    if (end < at + head || end > boxes.length) break; // a short end is common, and harmless
    const contents = boxes.subarray(at + head, end);
    const offset = COUNT_OFFSETS[type];
    if (PARENTS.has(type)) {
      const stated = statedSamples(contents, level + 1);
      if (stated === undefined) return undefined;
      samples += stated;
    } else if (offset !== undefined && contents.length >= offset + 4) samples += contents.readUInt32BE(offset);
    at = end;
  }
  return samples;
}
