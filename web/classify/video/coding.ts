/** How a file says that red, green and blue were mixed into what its codec keeps. */
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { guessedMatrix } from '../../../train/data/video/i420.ts';
import { CONVERT_ADVICE } from './file.ts';

/** Matrix and range of pictures. */
export type Coding = Pick<I420Frame, 'matrix' | 'range'>;

/** The matrices that are read as they are. */
const MATRICES: Readonly<Record<string, Coding['matrix']>> = { bt709: 'bt709', smpte170m: 'bt601', bt470bg: 'bt601' };

/**
 * The coding of a camera, which has no file: what the browser says of its frames is all there is.
 *
 * @param frame of what a camera sees
 */
export const codingOfCamera = ({ colorSpace: { matrix, fullRange }, codedHeight }: Pick<VideoFrame,
  | 'colorSpace'
  | 'codedHeight'>): Coding => ({ matrix: MATRICES[matrix ?? ''] ?? guessedMatrix(codedHeight),
    range: fullRange === true ? 'full' : 'limited' });

/**
 * The coding that a file names; where it names none, what players guess. What `VideoFrame.colorSpace` says of a decoded
 * frame is no statement of its file: browsers put there what they guess, bt709 for pictures of any size.
 *
 * @param stated by the container, or else by the codec  @throws VideoDecodeError for others than BT.601 and BT.709
 */
export function codingOf(name: string, { matrix, fullRange }: VideoColorSpaceInit, height: number): Coding {
  const known = MATRICES[matrix ?? ''];
  if (known === undefined && matrix !== undefined && matrix !== null) {
    throw new VideoDecodeError(name, `mixes its colours by ${matrix}, which a page does not convert`, undefined,
      CONVERT_ADVICE);
  }
  return { matrix: known ?? guessedMatrix(height), range: fullRange === true ? 'full' : 'limited' };
}

/**
 * The coding of VP8, whose first frame has it in two bits, whatever its container states: BT.601, and whether values
 * are clamped. RFC 6386, sections 9.1 and 9.2: behind ten bytes the arithmetic decoder reads both with even chances, so
 * they are the highest bits of a byte. Undefined where the first bit is 1, which is reserved.
 *
 * @param key bytes of a key frame
 */
export function codingOfVp8(key: Uint8Array): Coding | undefined {
  if (key[10] >= 0x80) return undefined;
  return { matrix: 'bt601', range: key[10] >= 0x40 ? 'full' : 'limited' };
}
