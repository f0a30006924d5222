import type { Buffers } from './buffers.ts';
import type { Device } from './device.ts';
import { StepNotExecutedError } from './errors.ts';
import { link, part } from './wgsl.ts';

const source = await part(import.meta.url, './canary.wgsl');

const USAGE = 0x80 | 0x04; // STORAGE | COPY_SRC

/**
 * Counts, on the GPU, the recordings that really ran, so that a dropped one cannot pass for a step that learned
 * nothing.
 */
export class Canary {
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;
  /** One u32: recordings that ran. */
  readonly buffer: GPUBuffer;
  #submitted = 0;

  constructor(owner: Device, buffers: Buffers) {
    const { device } = owner;
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

  /** Appends the counting dispatch to a recording that is about to be submitted. */
  mark(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass({ label: 'canary' });
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    pass.dispatchWorkgroups(1);
    pass.end();
    this.#submitted = (this.#submitted + 1) >>> 0;
  }

  /** How many recordings must have run once everything submitted so far is done. */
  get expected(): number {
    return this.#submitted;
  }

  check(expected: number, found: number): void {
    if (found !== expected) throw new StepNotExecutedError(expected, found);
  }
}
