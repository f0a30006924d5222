import type { Canary } from './canary.ts';
import type { Device } from './device.ts';
import type { Encodable } from './encodable.ts';
import type { HostCall } from './recording.ts';

/** Dispatches between two submits: enough to share the cost of a submit, few enough that the GPU starts early. */
export const DISPATCHES_PER_SUBMIT = 256;
/** Submits of one replayed step at most; its readback is one more. */
const SUBMITS_PER_REPLAY = 3;

export type Dispatch = Extract<Encodable, { kind: 'dispatch' }>;

/** Takes the time of dispatches, while it is set. */
export interface PassTimer {
  /** Most dispatches between two submits. */
  readonly dispatchesPerSubmit: number;
  /** Timestamps for a pass of the next dispatch alone; if there are none, it joins those before it. */
  stamp(dispatch: Dispatch): GPUComputePassTimestampWrites | undefined;
  /** Recorded behind the passes of each submit. */
  resolve(encoder: GPUCommandEncoder): void;
  /** Called before each submit. */
  noteSubmit(): void;
}

/** Encodes and submits: dispatches and copies in the order in which they were recorded. */
export class Recorder {
  readonly #device: Device;
  readonly #canary: Canary;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #dispatches = 0;
  #work = 0;
  #last: Dispatch | undefined;
  /** Called before anything is submitted. */
  beforeSubmit: () => void = () => undefined;
  /** Number of the recording under way; a buffer whose `lastUse` equals it is in use by commands not yet submitted. */
  serial = 1;
  /** Set while a profile or a stretch is taken: then some dispatches have a pass, and timestamps, of their own. */
  timer: PassTimer | undefined;

  constructor(device: Device, canary: Canary) {
    this.#device = device;
    this.#canary = canary;
  }

  encode(command: Encodable): void {
    this.#add(command, this.timer?.dispatchesPerSubmit ?? DISPATCHES_PER_SUBMIT, this.#device.pace.workPerSubmit);
  }

  /** Encodes and submits a whole step, and calls what is to be called on its way. */
  replay(commands: readonly Encodable[], calls: readonly HostCall[] = []): void {
    const most = Math.max(DISPATCHES_PER_SUBMIT, Math.ceil(commands.length / SUBMITS_PER_REPLAY));
    const { workPerSubmit } = this.#device.pace;
    let done = 0;
    const submit = (end: number) => {
      for (; done < end; done++) this.#add(commands[done], most, workPerSubmit);
      this.flush();
    };
    for (const { behind, call } of calls) {
      submit(behind);
      call();
    }
    submit(commands.length);
  }

  /** Encodes a command, in a submit of so many dispatches, and of so much work, at most. */
  #add(command: Encodable, dispatches: number, work: number): void {
    if (this.#work + command.work > work) this.flush();
    this.#encode(command);
    this.#work += command.work;
    if (this.#dispatches >= dispatches) this.flush();
  }

  /** Submits what was recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    const device = this.#device;
    this.#encoder = undefined; // first: the canary must not flush again
    this.#endPass();
    this.beforeSubmit();
    this.#canary.mark(encoder);
    this.timer?.resolve(encoder);
    const commands = encoder.finish({ label: `recording ${this.serial}` });
    this.timer?.noteSubmit();
    device.device.queue.submit([commands]);
    device.closeScopes();
    device.counts.submits++;
    device.pace.submitted(
      this.#last === undefined
        ? 'none, but copies'
        : `${this.#last.label} on ${this.#last.grid.join(' × ')} workgroups`,
      this.#work,
      device.counts.pipelinesCreated,
    );
    this.serial++;
    this.#dispatches = 0;
    this.#work = 0;
    this.#last = undefined;
  }

  #encode(command: Encodable): void {
    switch (command.kind) {
      case 'dispatch': {
        const timestampWrites = this.timer?.stamp(command);
        if (timestampWrites !== undefined) this.#endPass();
        const pass = this.#computePass(command, timestampWrites);
        pass.setPipeline(command.pipeline);
        pass.setBindGroup(0, command.group);
        const [x, y, z] = command.grid;
        pass.dispatchWorkgroups(x, y, z);
        this.#dispatches++;
        this.#last = command;
        this.#device.counts.dispatches++;
        if (timestampWrites !== undefined) this.#endPass();
        return;
      }
      case 'copy':
        return this.#commands().copyBufferToBuffer(command.source, command.sourceOffset, command.target,
          command.targetOffset, command.bytes);
      case 'clear':
        return this.#commands().clearBuffer(command.target, command.offset, command.bytes);
    }
  }

  #computePass({ label }: Dispatch, timestampWrites?: GPUComputePassTimestampWrites): GPUComputePassEncoder {
    return (this.#pass ??= this.#begin().beginComputePass({ label, ...(timestampWrites && { timestampWrites }) }));
  }

  /** The encoder outside of any compute pass. */
  #commands(): GPUCommandEncoder {
    const encoder = this.#begin();
    this.#endPass();
    return encoder;
  }

  #begin(): GPUCommandEncoder {
    if (this.#encoder === undefined) {
      this.#device.openScopes();
      this.#encoder = this.#device.device.createCommandEncoder({ label: `recording ${this.serial}` });
    }
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
