import type { Bytes } from './bytes.ts';

/** A video that FFmpeg converts. */
export const OTHER_VIDEO = 'a video of another kind';

/** How files begin that are no videos, or of a kind that is not read here. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG/, 'a PNG picture'],
  [/^\xff\xd8\xff/, 'a JPEG picture'],
  [/^RIFF....WEBP/s, 'a WebP picture'],
  [/^RIFF....WAVE|^ID3|^fLaC/s, 'a sound'],
  [/^PK\x03\x04/, 'a zip archive'],
  [/^\x1f\x8b/, 'a gzip archive'],
  // MPEG and H.264 without a container, RealMedia, IVF, Y4M, MXF
  [/^\x00\x00\x01\xb3|^\x00\x00\x00\x01|^\.RMF|^DKIF|^YUV4MPEG2|^\x06\x0e\x2b\x34/, OTHER_VIDEO],
  [/^(\xef\xbb\xbf)?#EXTM3U/, 'a playlist (m3u8)'],
  [/^(\xef\xbb\xbf)?ffconcat/, 'a playlist (ffconcat)'],
  [/^(\xef\xbb\xbf)?v=0\r?\n/, 'a session description (sdp)'],
  [/^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)/i, 'a web page'],
  [/^[\t\n\r\x20-\x7e]*$/, 'a text'],
];

/** What a file is that begins so, but is no video of a kind that is read. */
export function kindOf(head: Bytes): string {
  const start = head.toString('latin1', 0, 64);
  return KINDS.find(([pattern]) => pattern.test(start))?.[1] ?? 'an unknown kind of file';
}
