/** A video file of the person's, as far as its bytes tell without a decoder: of which kind, and whether it is whole. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import { examine, HEAD_BYTES, type Signature, signatureOf } from '../../../train/data/video/container.ts';
import { CONVERT_HINT } from '../../../train/data/video/hints.ts';
import { kindOf } from '../../../train/data/video/kinds.ts';
import { Source } from '../../../train/data/video/source.ts';
import { predictLine } from '../../../train/commands/predict_line.ts';
import { PageBytes } from './bytes.ts';

/** What a person on a page can do. */
export const KIND_ADVICE = 'choose an mp4, mov, webm or mkv file';
export const DAMAGE_ADVICE = 'fetch or save the file again, and choose it anew';
export const CONVERT_ADVICE = CONVERT_HINT;

/** Only workers have it, and only there may reading block. */
declare const FileReaderSync: new() => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** The bytes of a file as they are asked for. */
export function sourceOf(file: Blob): Source {
  const reader = new FileReaderSync();
  return new Source(file.size,
    (position, length) => new PageBytes(reader.readAsArrayBuffer(file.slice(position, position + length))));
}

/**
 * Refuses what can be told from a file's outside, in the words that Node has for it.
 * @throws VideoDecodeError FL_VIDEO
 */
export function inspect(source: Source, name: string): Extract<Signature, 'iso' | 'ebml'> {
  if (source.bytes === 0) throw new VideoDecodeError(name, 'the file is empty', undefined, DAMAGE_ADVICE);
  const head = source.read(0, HEAD_BYTES);
  const signature = signatureOf(head);
  if (signature === 'unknown') {
    throw new VideoDecodeError(name, `is ${kindOf(head)}, not a video that is read here`, undefined, KIND_ADVICE);
  }
  if (signature !== 'iso' && signature !== 'ebml') {
    throw new VideoDecodeError(name, `is a video (${KINDS[signature]}) that browsers do not read`, undefined,
      `${
        predictLine('FOLDER', ['one', 'another'], { templates: 'none', mean: 'softmax' }, name)
      } reads it in a terminal; or ${CONVERT_HINT}`);
  }
  const { fault } = examine(source, signature);
  if (fault !== undefined) throw new VideoDecodeError(name, fault, undefined, DAMAGE_ADVICE);
  return signature;
}

/** Names of what FFmpeg alone reads. */
const KINDS: Readonly<Record<Exclude<Signature, 'iso' | 'ebml' | 'unknown'>, string>> = { riff: 'avi', transport: 'ts',
  program: 'mpg', flash: 'flv', asf: 'wmv', ogg: 'ogv', gif: 'gif' };
