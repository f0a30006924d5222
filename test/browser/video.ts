/** The worker of the tests that reads clips: what comes of a file, with digests in the place of bytes. */
import type { FirstlightError } from '../../engine/errors.ts';
import { said } from '../../web/pages/sentence.ts';
import { type ClipOptions, readClip } from '../../web/classify/video/clip.ts';

/** What is sent to it. */
export interface Asked {
  readonly file: Blob;
  readonly name: string;
  readonly options: ClipOptions;
}

/** A frame, whose bytes have this digest. */
export interface Digested {
  readonly width: number;
  readonly height: number;
  readonly matrix: string;
  readonly range: string;
  readonly sha256: string;
}

/** What comes back: a clip, or what is said to a person. */
export type Answered = { readonly total: number; readonly isExact: boolean; readonly frames: readonly Digested[];
  /** Packets that were decoded. */
  readonly sent: number } | {
  readonly code: string;
  readonly cause: string;
  readonly wayOut: string;
};

let sent = 0;
const { decode } = VideoDecoder.prototype;
VideoDecoder.prototype.decode = function(chunk) {
  sent++;
  return decode.call(this, chunk);
};

async function answer({ file, name, options }: Asked): Promise<Answered> {
  sent = 0;
  try {
    const { total, isExact, frames } = await readClip(file, name, options);
    const digested = frames.map(async ({ data, ...rest }) => {
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>));
      return { ...rest, sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') };
    });
    return { total, isExact, frames: await Promise.all(digested), sent };
  } catch (error) {
    return { code: (error as FirstlightError).code, ...said(error) };
  }
}

addEventListener('message', ({ data }) => void answer(data).then((answered) => postMessage(answered)));
