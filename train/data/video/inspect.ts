/** What can be told of a file before it is decoded: whether it is a video at all, and whole. */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { VideoDecodeError } from '../../../engine/errors.ts';
import { FileError } from '../../../engine/file_error.ts';
import { openRegularSync } from '../../../engine/regular_file.node.ts';
import { examine, HEAD_BYTES, type Signature, signatureOf, type Structure } from './container.ts';
import { CONVERT_HINT, DAMAGE_HINT, KIND_HINT } from './hints.ts';
import { kindOf, OTHER_VIDEO } from './kinds.ts';
import { Source } from './source.ts';

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
    const source = new Source(stats.size, (position, length) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, readSync(file, buffer, 0, length, position));
    });
    const head = source.read(0, HEAD_BYTES);
    const signature = signatureOf(head);
    if (signature === 'unknown') {
      const kind = kindOf(head);
      throw new VideoDecodeError(path, `is ${kind}, not a video that is read here`, undefined,
        kind === OTHER_VIDEO ? CONVERT_HINT : KIND_HINT);
    }
    const structure = examine(source, signature);
    if (structure.fault !== undefined) throw new VideoDecodeError(path, structure.fault, undefined, DAMAGE_HINT);
    return { ...structure, path, signature };
  } finally {
    closeSync(file);
  }
}
