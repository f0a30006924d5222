import { KernelCompileError } from './errors.ts';
import type { Device } from './device.ts';
import type { Program } from './wgsl.ts';

interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * A program on a device. Its pipeline is made when it is first run, so that what is only recorded costs no compilation.
 */
export class Built {
  readonly label: string;
  readonly program: Program;
  /** What it was built with, for people: variant, how tensors are stored, constants. */
  readonly settings: string;
  #compiled: Compiled | undefined;

  constructor(label: string, program: Program, settings: string) {
    this.label = label;
    this.program = program;
    this.settings = settings;
  }

  compiled(device: Device): Compiled {
    return (this.#compiled ??= compile(device, this.label, this.program));
  }
}

/**
 * Builds a pipeline with an explicit layout. What the device objects to surfaces at the next readback, with the file
 * and line; what WebGPU does not even take, such as a binding's number of 10 digits, at once.
 */
function compile(owner: Device, label: string, program: Program): Compiled {
  const { device } = owner;
  let module: GPUShaderModule | undefined;
  owner.counts.pipelinesCreated++;
  return owner.attempt(
    () => {
      try {
        module = device.createShaderModule({ label, code: program.code });
        const layout = device.createBindGroupLayout({
          label,
          entries: program.bindings.map((binding) => ({
            binding: binding.index,
            visibility: 0x4, // COMPUTE
            buffer: {
              type: binding.kind === 'uniform' ? 'uniform' : binding.kind === 'read' ? 'read-only-storage' : 'storage',
            },
          })),
        });
        const pipeline = device.createComputePipeline({
          label,
          layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: { module, entryPoint: program.entry },
        });
        return { pipeline, layout };
      } catch (error) {
        throw new KernelCompileError(label, program.files, (error as Error).message, error);
      }
    },
    async (error, filter) => {
      if (filter === 'out-of-memory') return owner.errorOf(error, `the program of ${label}`);
      const info = await module?.getCompilationInfo();
      const first = info?.messages.find((message) => message.type === 'error');
      const where = first === undefined ? program.files : `${program.locate(first.lineNum)}:${first.linePos}`;
      return new KernelCompileError(label, where, first?.message ?? error.message, error);
    },
  );
}
