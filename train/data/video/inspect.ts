/** What can be told of a file before it is decoded: whether it is a video at all, and whole. */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { VideoDecodeError } from '../../../engine/errors.ts';
import { FileError } from '../../../engine/file_error.ts';
import { openRegularSync } from '../../../engine/regular_file.node.ts';
import { examine, type Signature, signatureOf, type Structure } from './container.ts';
import { CONVERT_HINT } from './ffmpeg.ts';
import { Source } from './source.ts';

export const DAMAGE_HINT = 'fetch or convert the file again, or take it out of the list';
export const KIND_HINT = 'give a video file: mp4, mov, webm, mkv, avi, ts, mpg, flv, wmv, ogv or gif';

/** A file that begins like a video. */
export interface VideoFile extends Structure {
  readonly path: string;
  readonly signature: Exclude<Signature, 'unknown'>;
}

/** Refuses what can be told from the file's outside, in a person's words. */
export function inspect(path: string): VideoFile {
  let file: number;
  try {
    file = openRegularSync(path);
  } catch (cause) {
    if (!(cause instanceof FileError)) throw cause;
    const { systemCode } = cause;
    if (systemCode === 'EISDIR') throw new VideoDecodeError(path, 'is a folder', undefined, KIND_HINT);
    if (systemCode === 'ENOTREG') throw new VideoDecodeError(path, cause.reason, undefined, KIND_HINT);
    const reason =
      { ENOENT: 'no such file', ENOTDIR: 'no such file', EACCES: 'may not be read (permission denied)' }[systemCode]
        ?? cause.reason;
    throw new VideoDecodeError(path, reason, cause,
      'check the path, and the folder that the paths of a list start from');
  }
  try {
    const stats = fstatSync(file);
    if (stats.size === 0) throw new VideoDecodeError(path, 'the file is empty', undefined, DAMAGE_HINT);
    const buffer = Buffer.alloc(1024);
    const head = buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0));
    const signature = signatureOf(head);
    if (signature === 'unknown') {
      const kind = kindOf(head);
      throw new VideoDecodeError(path, `is ${kind}, not a video that is read here`, undefined,
        kind === OTHER_VIDEO ? CONVERT_HINT : KIND_HINT);
    }
    const structure = examine(Source.of(file, stats.size), signature);
    if (structure.fault !== undefined) throw new VideoDecodeError(path, structure.fault, undefined, DAMAGE_HINT);
    return { ...structure, path, signature };
  } finally {
    closeSync(file);
  }
}

const OTHER_VIDEO = 'a video of another kind';

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

function kindOf(head: Buffer): string {
  const start = head.toString('latin1', 0, 64);
  return KINDS.find(([pattern]) => pattern.test(start))?.[1] ?? 'an unknown kind of file';
}
