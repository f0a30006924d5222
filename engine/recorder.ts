import type { Gpu } from './gpu.ts';
import type { Profile } from './profile.ts';

/** Dispatches between two submits: enough to share the cost of a submit, few enough that the GPU starts early. */
const DISPATCHES_PER_SUBMIT = 256;

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

  dispatch(label: string, pipeline: GPUComputePipeline, group: GPUBindGroup, x: number, y: number, z: number): void {
    const pass = this.#computePass(label);
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(x, y, z);
    this.#gpu.counts.dispatches++;
    if (this.profile !== undefined) this.#endPass();
    if (++this.#dispatches >= DISPATCHES_PER_SUBMIT) this.flush();
  }

  copy(source: GPUBuffer, sourceOffset: number, target: GPUBuffer, targetOffset: number, bytes: number): void {
    this.#commands().copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes);
  }

  clear(buffer: GPUBuffer, offset: number, bytes: number): void {
    this.#commands().clearBuffer(buffer, offset, bytes);
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
