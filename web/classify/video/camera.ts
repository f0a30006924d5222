/** The camera of a page, as clips of the last two seconds. */
import { FirstlightError } from '../../../engine/errors.ts';
import type { Sample } from '../../../train/data/loading/plan.ts';
import type { ClipOptions } from './clip.ts';

/** How much of the camera's past is one clip. */
export const CLIP_SECONDS = 2;

/** Why there is no picture of a camera. */
export type CameraFault = 'refused' | 'none' | 'in use' | 'unplugged' | 'unsupported';

/** `FL_CAMERA`, with the fault in `context.fault`. */
export class CameraError extends FirstlightError {
  constructor(fault: CameraFault, message: string, hint: string, cause?: unknown) {
    super('FL_CAMERA', message, { fault }, hint, cause);
  }
}

/**
 * An open camera. Runs in the page, for a worker has none; what `clip` gives can be posted to one.
 *
 *     using camera = await Camera.open(video);   // an element of the page; the browser asks the person
 *     const clip = await camera.clip(options);   // waits until there were two seconds; then again, for the next ones
 */
export class Camera {
  private constructor() {}

  /** @param video shows the camera from now on  @throws CameraError */
  static async open(_video: HTMLVideoElement): Promise<Camera> {
    throw new CameraError('unsupported', 'not yet', '');
  }

  /** T frames of the last two seconds, and their crop; waits until there are as many. @throws CameraError unplugged */
  async clip(_options: ClipOptions): Promise<Sample> {
    throw new CameraError('unsupported', 'not yet', '');
  }

  /** Switches the camera off, and its light. */
  [Symbol.dispose](): void {}
}
