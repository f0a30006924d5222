import { type Command, storagesOf, texturesOf, writesOf } from './command.ts';
import type { Preparation } from './encodable.ts';
import type { Recorder } from './recorder.ts';
import type { Recording } from './recording.ts';
import type { Texture, Textures } from './textures.ts';

/**
 * The one stream of commands of a context: they are encoded in their order, or noted, while a step is being recorded.
 */
export class Stream {
  readonly recorder: Recorder;
  /** Set while a step is recorded in place of being run. */
  recording: Recording | undefined;
  readonly #preparation: Preparation;
  readonly #textures: Textures;

  constructor(recorder: Recorder, preparation: Preparation, textures: Textures) {
    this.recorder = recorder;
    this.#preparation = preparation;
    this.#textures = textures;
  }

  append(command: Command): void {
    for (const { storage, offset, bytes } of writesOf(command)) storage.noteWrite(offset, bytes, this.recording);
    if (this.recording !== undefined) return this.recording.append(command);
    if (this.#preparation.isFull) {
      this.recorder.flush();
      this.#preparation.clear();
    }
    for (const texture of texturesOf(command)) this.#makeRoom(texture);
    this.recorder.encode(this.#preparation.prepare(command));
    // now: either of the two may have submitted what was before
    for (const storage of storagesOf(command)) storage.lastUse = this.recorder.serial;
  }

  /** Lets a slot's texture grow, once nothing is left to submit that uses it. */
  #makeRoom(texture: Texture): void {
    if (this.#textures.has(texture)) return;
    this.recorder.flush();
    this.forgetBindGroups();
    this.#textures.grow(texture);
  }

  /** Bind groups name buffers; called when buffers are destroyed. */
  forgetBindGroups(): void {
    this.#preparation.forget();
  }
}
