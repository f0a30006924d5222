/** The camera of a page, as clips of the last two seconds. */
import { FirstlightError } from '../../../engine/errors.ts';
import { asEvaluated, planOf, type Sample, viewsOf } from '../../../train/data/loading/plan.ts';
import type { ClipOptions } from './clip.ts';
import { codingOfCamera } from './coding.ts';
import { LastSeconds } from './last_seconds.ts';
import { isRead, type Pixels, pictureOf, pixelsOf } from './picture.ts';

/** How much of the camera's past is one clip. */
const CLIP_SECONDS = 2;

/** Enough for what a model sees, and little to copy; a camera that has no such size gives the nearest. */
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30, max: 30 } };

/** What the light says while the camera is on. */
const ON = 'The camera is on. Its pictures stay on this machine.';

/** Why there is no picture of a camera. */
export type CameraFault = 'refused' | 'none' | 'in use' | 'taken away' | 'unsupported';

const OTHERWISE = 'or choose a video file';
/** Each in a sentence: the cause, and the way out. */
const FAULTS: Readonly<Record<CameraFault, readonly [message: string, hint: string]>> = {
  refused: ['this page may not use the camera',
    `allow it, at the page's address or in the settings of the system, and switch it on again, ${OTHERWISE}`],
  none: ['this device has no camera', `plug one in and switch it on again, ${OTHERWISE}`],
  'in use': ['the camera is in use by another program',
    `close what uses it, a call perhaps, and switch it on again, ${OTHERWISE}`],
  'taken away': ['the camera stopped: it was unplugged, or this page may no longer use it',
    `plug it in and switch it on again, ${OTHERWISE}`],
  unsupported: ['this browser gives pages no frames of a camera',
    `open this page by https or on this machine, in a current Chrome, Edge, Safari or Firefox, ${OTHERWISE}`],
};

/** What a browser calls them. */
const NAMES: Readonly<Record<string, CameraFault>> = { NotAllowedError: 'refused', SecurityError: 'refused',
  NotFoundError: 'none', OverconstrainedError: 'none', NotReadableError: 'in use', AbortError: 'in use' };

/** `FL_CAMERA`, with the fault in `context.fault`. */
export class CameraError extends FirstlightError {
  constructor(fault: CameraFault, cause?: unknown) {
    const [message, hint] = FAULTS[fault];
    super('FL_CAMERA', message, { fault }, hint, cause);
  }
}

/** What asked for a camera that is switched off, or waits for it, is told. */
export const CAMERA_OFF = new DOMException('the camera was switched off', 'AbortError');

/**
 * An open camera. Runs in the page, for a worker has none; what `clip` gives can be posted to one.
 *
 *     using camera = await Camera.open(video, light);
 *     for (;;) show(await ask(await camera.clip(options)));
 */
export class Camera {
  readonly #stream: MediaStream;
  readonly #video: HTMLVideoElement;
  readonly #light: HTMLElement;
  readonly #past = new LastSeconds(CLIP_SECONDS);
  readonly #listeners = new Set<() => void>();
  #callback = 0;
  #end: unknown;

  private constructor(stream: MediaStream, video: HTMLVideoElement, light: HTMLElement) {
    this.#stream = stream;
    this.#video = video;
    this.#light = light;
  }

  /**
   * Switches the camera on; the browser asks the person.
   *
   * @param video shows what it sees  @param light says that it is on, as long as it is: give it role=status
   * @throws CameraError FL_CAMERA
   */
  static async open(video: HTMLVideoElement, light: HTMLElement): Promise<Camera> {
    const { mediaDevices } = navigator as Partial<Navigator>; // none where a page came by http
    if (mediaDevices === undefined || typeof VideoFrame === 'undefined' || !('requestVideoFrameCallback' in video)) {
      throw new CameraError('unsupported');
    }
    let stream: MediaStream;
    try {
      stream = await mediaDevices.getUserMedia({ video: WANTED, audio: false });
    } catch (cause) {
      throw new CameraError(NAMES[(cause as Error).name] ?? 'unsupported', cause);
    }
    const camera = new Camera(stream, video, light);
    await camera.#start();
    return camera;
  }

  async #start(): Promise<void> {
    const video = this.#video;
    for (const track of this.#stream.getTracks()) {
      track.addEventListener('ended', () => this.#stop(new CameraError('taken away')));
    }
    this.#light.textContent = ON;
    Object.assign(video, { muted: true, playsInline: true, srcObject: this.#stream });
    this.#watch();
    await video.play().catch((cause: unknown) => {
      this.#stop(cause);
      throw cause;
    });
  }

  /** Takes the next frame, and then the ones after it. */
  #watch(): void {
    this.#callback = this.#video.requestVideoFrameCallback((now) => {
      void this.#take(now).catch((error: unknown) => this.#stop(error)).then(() => {
        if (this.#end === undefined) this.#watch(); // a frame that comes while one is copied is left out
      });
    });
  }

  async #take(now: DOMHighResTimeStamp): Promise<void> {
    const frame = new VideoFrame(this.#video);
    try {
      const pixels = isRead(frame.format) ? await pixelsOf(frame) : drawn(frame);
      this.#past.add(now / 1000, pictureOf(pixels, codingOfCamera(frame)));
    } finally {
      frame.close();
    }
    for (const listener of this.#listeners) listener();
  }

  /**
   * T frames of the last two seconds, of the middle of as many segments, and the crop that is seen of them, as of a
   * file. Waits for the next frame, and for two seconds without a pause.
   *
   * @throws CameraError FL_CAMERA where the camera was taken away  @throws CAMERA_OFF
   */
  async clip(options: ClipOptions): Promise<Sample> {
    const plan = planOf({ index: 0, ...asEvaluated(options, options.resize) });
    for (;;) {
      await this.#next();
      const past = this.#past.frames;
      if (past === undefined) continue;
      const wanted = plan.pick(past.length);
      const frames = wanted.map((index) => past[index]);
      return { frames, views: viewsOf(plan, wanted, frames[0]), total: past.length };
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const listener = () => {
        this.#listeners.delete(listener);
        if (this.#end === undefined) resolve();
        else reject(this.#end);
      };
      this.#listeners.add(listener);
      if (this.#end !== undefined) listener();
    });
  }

  #stop(end: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#video.cancelVideoFrameCallback(this.#callback);
    for (const track of this.#stream.getTracks()) track.stop();
    this.#video.srcObject = null;
    this.#light.textContent = '';
    for (const listener of this.#listeners) listener();
  }

  /** Switches the camera off, and its light. */
  [Symbol.dispose](): void {
    this.#stop(CAMERA_OFF);
  }
}

/** A frame that the browser keeps to itself, by way of a canvas. */
function drawn(frame: VideoFrame): Pixels {
  const { displayWidth: width, displayHeight: height } = frame;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.drawImage(frame, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, height, format: 'RGBA', bytes: new Uint8Array(data.buffer),
    layout: [{ offset: 0, stride: 4 * width }] };
}
