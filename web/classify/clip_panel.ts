/** The part of the page in which a clip is chosen: a video, or the camera, again and again. */
import { button, element } from '../pages/dom.ts';
import { chosenFiles, droppedFiles, takesDrops } from './dropped.ts';
import type { ClipSource, NamedFile } from './protocol.ts';
import { Camera, CAMERA_OFF } from './video/camera.ts';
import type { ClipOptions } from './video/clip.ts';

export interface ClipActions {
  /** Looks at a clip; settles when that is done, whatever came of it. */
  look(clip: ClipSource): Promise<void>;
  /** Says why something could not be done. */
  fault(error: unknown, again: () => void): void;
  /** What the model wants of a clip; undefined while there is none. */
  wanted(): ClipOptions | undefined;
}

export class ClipPanel {
  readonly #actions: ClipActions;
  readonly #switch = button('Use the camera', () => void this.#switchCamera());
  readonly #light = element('p', { className: 'light', role: 'status' });
  readonly #video = element('video', { muted: true, playsInline: true, hidden: true,
    ariaLabel: 'what the camera sees' });
  #camera: Camera | undefined;

  constructor(host: HTMLElement, actions: ClipActions) {
    this.#actions = actions;
    const file = element('input', { type: 'file', id: 'clip-file', accept: 'video/*,.mkv,.mov,.mp4,.webm' });
    file.addEventListener('change', () => this.#take(chosenFiles(file)));
    host.append(
      element('p', { className: 'hint' }, 'mp4, mov, webm or mkv. It can be dropped here.'),
      element('div', { className: 'choose' }, element('label', { htmlFor: file.id }, 'a video '), file),
      element('p', { className: 'actions' }, this.#switch),
      this.#light,
      this.#video,
    );
    takesDrops(host, (data) => void droppedFiles(data).then((files) => this.#take(files)));
  }

  #take([file]: readonly NamedFile[]): void {
    if (file === undefined) return;
    this.#stop();
    void this.#actions.look({ name: file.path, file: file.blob });
  }

  async #switchCamera(): Promise<void> {
    if (this.#camera !== undefined) return this.#stop();
    try {
      this.#video.hidden = false;
      const camera = await this.#opened();
      this.#switch.textContent = 'Switch the camera off';
      await this.#watch(camera);
    } catch (error) {
      this.#stop();
      if (error !== CAMERA_OFF) this.#actions.fault(error, () => void this.#switchCamera());
    }
  }

  /** The camera, once the person allows it; meanwhile a second click would ask again. */
  async #opened(): Promise<Camera> {
    this.#switch.disabled = true;
    try {
      return this.#camera = await Camera.open(this.#video, this.#light);
    } finally {
      this.#switch.disabled = false;
    }
  }

  /** Looks at the last two seconds, again and again. */
  async #watch(camera: Camera): Promise<void> {
    while (this.#camera === camera) {
      const wanted = this.#actions.wanted();
      if (wanted === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 500)); // until there is a model
        continue;
      }
      const sample = await camera.clip(wanted);
      if (this.#camera === camera) await this.#actions.look({ name: 'the camera', sample });
    }
  }

  #stop(): void {
    this.#camera?.[Symbol.dispose]();
    this.#camera = undefined;
    this.#video.hidden = true;
    this.#switch.textContent = 'Use the camera';
  }
}
