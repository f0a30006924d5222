import type { Buffers } from './buffers.ts';
import type { Device } from './device.ts';
import { StepNotExecutedError } from './errors.ts';
import { link, part } from './wgsl.ts';

const source = await part(import.meta.url, './canary.wgsl');

const USAGE = 0x80 | 0x04; // STORAGE | COPY_SRC

/**
 * Counts, on the GPU, the recordings and the readbacks that really ran, so that a dropped one cannot pass for a step
 * that learned nothing, nor what a staging buffer held before for what was read.
 */
export class Canary {
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;
  /** One u32: recordings and readbacks that ran. */
  readonly buffer: GPUBuffer;
  #submitted = 0;

  constructor(owner: Device, buffers: Buffers) {
    const { device } = owner;
    this.#device = owner;
    const program = link([source], [], { elem: 'f32', result: 'f32' }, {});
    this.buffer = buffers.create('canary', 4, USAGE);
    const made = owner.attempt(() => {
      const module = device.createShaderModule({ label: 'canary', code: program.code });
      const pipeline = device.createComputePipeline({ label: 'canary', layout: 'auto',
        compute: { module, entryPoint: program.entry } });
      const group = device.createBindGroup({ label: 'canary', layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: this.buffer } }] });
      return { pipeline, group };
    }, (error) => owner.errorOf(error, 'canary'));
    this.#pipeline = made.pipeline;
    this.#group = made.group;
  }

  /** Appends the counting dispatch to a recording, or to a readback before its copies, that is submitted next. */
  mark(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass({ label: 'canary' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    pass.dispatchWorkgroups(1);
    pass.end();
    this.#submitted = (this.#submitted + 1) >>> 0;
  }

  /** The count once everything marked so far has run; a readback's own is a number that no other one has. */
  get expected(): number {
    return this.#submitted;
  }

  /**
   * Poisons the context if the count that a readback brought is not its own: what is on the GPU is not what it seems.
   */
  check(expected: number, found: number): void {
    if (found === expected) return;
    const error = new StepNotExecutedError(expected, found);
    this.#device.fail(error);
    throw error;
  }
}
