import type { Encodable } from './encodable.ts';
import type { Gpu } from './gpu.ts';
import type { Profile } from './profile.ts';

/** Dispatches between two submits: enough to share the cost of a submit, few enough that the GPU starts early. */
const DISPATCHES_PER_SUBMIT = 256;
/** Submits of one replayed step at most; its readback is one more. */
const SUBMITS_PER_REPLAY = 3;

/** The one stream of commands of a context: dispatches and copies in the order in which they were recorded. */
export class Recorder {
  readonly #gpu: Gpu;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #dispatches = 0;
  /** Number of the recording under way; a buffer whose `lastUse` equals it is in use by commands not yet submitted. */
  serial = 1;
  /** Set while a profile is being taken: then each dispatch has a pass, and timestamps, of its own. */
  profile: Profile | undefined;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  encode(command: Encodable): void {
    this.#encode(command);
    if (this.#dispatches >= DISPATCHES_PER_SUBMIT) this.flush();
  }

  /** Encodes and submits a whole step. */
  replay(commands: readonly Encodable[]): void {
    const most = Math.max(DISPATCHES_PER_SUBMIT, Math.ceil(commands.length / SUBMITS_PER_REPLAY));
    for (const command of commands) {
      this.#encode(command);
      if (this.#dispatches >= most) this.flush();
    }
    this.flush();
  }

  /** Submits what was recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    const gpu = this.#gpu;
    this.#encoder = undefined; // first: the canary must not flush again
    this.#endPass();
    gpu.canary.mark(encoder);
    this.profile?.resolve(encoder);
    gpu.device.queue.submit([encoder.finish({ label: `recording ${this.serial}` })]);
    gpu.counts.submits++;
    this.serial++;
    this.#dispatches = 0;
    gpu.closeScopes();
  }

  #encode(command: Encodable): void {
    switch (command.kind) {
      case 'dispatch': {
        const pass = this.#computePass(command.label);
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group);
        const [x, y, z] = command.grid;
        pass.dispatchWorkgroups(x, y, z);
        this.#dispatches++;
        this.#gpu.counts.dispatches++;
        if (this.profile !== undefined) this.#endPass();
        return;
      }
      case 'copy':
        return this.#commands().copyBufferToBuffer(command.source, command.sourceOffset, command.target, command.targetOffset, command.bytes);
      case 'clear':
        return this.#commands().clearBuffer(command.target, command.offset, command.bytes);
    }
  }

  #computePass(label: string): GPUComputePassEncoder {
    if (this.#pass === undefined) {
      const encoder = this.#begin();
      const timestampWrites = this.profile?.stamp(label);
      this.#pass = encoder.beginComputePass({ label, ...(timestampWrites && { timestampWrites }) });
    }
    return this.#pass;
  }

  /** The encoder outside of any compute pass. */
  #commands(): GPUCommandEncoder {
    const encoder = this.#begin();
    this.#endPass();
    return encoder;
  }

  #begin(): GPUCommandEncoder {
    if (this.#encoder === undefined) {
      this.#gpu.openScopes();
      this.#encoder = this.#gpu.device.createCommandEncoder({ label: `recording ${this.serial}` });
    }
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
