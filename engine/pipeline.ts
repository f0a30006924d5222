import { KernelCompileError } from './errors.ts';
import type { Device, Objection } from './device.ts';
import type { WarmProgram } from './instance.ts';
import { TEXEL_FORMAT } from './textures.ts';
import type { Binding, Program } from './wgsl.ts';

interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * A program on a device. Its pipeline is made when it is first run, or ahead of that, so that what is only recorded
 * costs no compilation.
 */
export class Built {
  readonly label: string;
  readonly program: Program;
  /** What it was built with, for people: variant, how tensors are stored, constants. */
  readonly settings: string;
  #compiled: Compiled | undefined;
  #ahead: Promise<void> | undefined;

  constructor(label: string, program: Program, settings: string) {
    this.label = label;
    this.program = program;
    this.settings = settings;
  }

  get isCompiled(): boolean {
    return this.#compiled !== undefined;
  }

  /** The host waits for the compiler. */
  compiled(device: Device): Compiled {
    return (this.#compiled ??= compile(device, this.label, this.program));
  }

  /**
   * Nobody waits for the compiler but who awaits this. What the device objects to poisons the context, as it does
   * where a program is compiled when it is run.
   */
  compileAhead(device: Device): Promise<void> {
    if (this.isCompiled) return Promise.resolve();
    return (this.#ahead ??= compileAhead(device, this.label, this.program).then((compiled) => {
      this.#compiled ??= compiled;
    }).finally(() => {
      this.#ahead = undefined;
    }));
  }
}

const COMPUTE = 0x4;
const textureOf = (
  access: GPUStorageTextureAccess,
) => ({ storageTexture: { access, format: TEXEL_FORMAT, viewDimension: '2d-array' } } as const);
/** What the layout of a bind group says of a binding. */
const LAYOUT: Readonly<Record<Binding['kind'], Omit<GPUBindGroupLayoutEntry, 'binding' | 'visibility'>>> = {
  uniform: { buffer: { type: 'uniform' } },
  read: { buffer: { type: 'read-only-storage' } },
  read_write: { buffer: { type: 'storage' } },
  texture_read: textureOf('read-only'),
  texture_write: textureOf('write-only'),
};

/** The entries of a program's bind group, for compute. */
export function entriesOf({ bindings }: Program): WarmProgram['entries'] {
  return bindings.map(({ index, kind }) => ({ binding: index, ...LAYOUT[kind] }));
}

/** How a pipeline with an explicit layout is made, and what it means if the device objects. */
interface Recipe {
  describe(): { readonly descriptor: GPUComputePipelineDescriptor; readonly layout: GPUBindGroupLayout };
  readonly objection: Objection;
}

function recipeOf(owner: Device, label: string, program: Program): Recipe {
  const { device } = owner;
  let module: GPUShaderModule | undefined;
  return {
    describe() {
      try {
        module = device.createShaderModule({ label, code: program.code });
        const layout = device.createBindGroupLayout({
          label,
          entries: entriesOf(program).map((entry) => ({ ...entry, visibility: COMPUTE })),
        });
        const descriptor = { label, layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: { module, entryPoint: program.entry } };
        return { descriptor, layout };
      } catch (error) {
        throw new KernelCompileError(label, program.files, (error as Error).message, error);
      }
    },
    async objection(error, filter) {
      if (filter === 'out-of-memory') return owner.errorOf(error, `the program of ${label}`);
      const info = await module?.getCompilationInfo();
      const first = info?.messages.find((message) => message.type === 'error');
      const where = first === undefined ? program.files : `${program.locate(first.lineNum)}:${first.linePos}`;
      return new KernelCompileError(label, where, first?.message ?? error.message, error);
    },
  };
}

/**
 * What the device objects to surfaces at the next readback, with the file and line; what WebGPU does not even take,
 * such as a binding's number of 11 digits, at once.
 */
function compile(owner: Device, label: string, program: Program): Compiled {
  const { describe, objection } = recipeOf(owner, label, program);
  owner.counts.pipelinesCreated++;
  return owner.attempt(() => {
    const { descriptor, layout } = describe();
    return { pipeline: owner.device.createComputePipeline(descriptor), layout };
  }, objection);
}

async function compileAhead(owner: Device, label: string, program: Program): Promise<Compiled> {
  const { describe, objection } = recipeOf(owner, label, program);
  owner.counts.pipelinesCreated++;
  const { descriptor, layout } = owner.attempt(describe, objection);
  const making = owner.device.createComputePipelineAsync(descriptor);
  // not by an error scope, but by its promise, one hears of what is wrong with it
  owner.track(making.then(() => undefined, async (error: unknown) => {
    throw isPipelineError(error) ? await objection(error, 'validation') : error;
  }));
  try {
    return { pipeline: await owner.wait(making), layout };
  } catch (error) {
    await owner.settled();
    throw error; // never reached: the context has failed by now
  }
}

/** Whether the device took the program and refused it, rather than being lost. */
function isPipelineError(error: unknown): error is GPUPipelineError {
  return error instanceof Error && 'reason' in error;
}
