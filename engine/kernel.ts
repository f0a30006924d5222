import { DTypeError, KernelCompileError, LimitError, ShapeError } from './errors.ts';
import type { Gpu } from './gpu.ts';
import { GUARD_BYTES } from './memory.ts';
import type { AnyTensor } from './tensor.ts';
import { link, type ParamField, type Program, type Source } from './wgsl.ts';

/** Features that a variant may need, and the WGSL extension that each switches on. */
const EXTENSIONS = { subgroups: 'subgroups', 'shader-f16': 'f16' } as const;

/** One way to run a kernel. */
export interface Variant {
  /** Parts that this variant adds, or, if it is a rung of its own, its whole text. */
  readonly parts: readonly Source[];
  readonly needs?: readonly (keyof typeof EXTENSIONS)[];
  /** The kind of machine it was made for. On the other kind it is tried last. */
  readonly suits?: 'software' | 'hardware';
}

/** Workgroups in x, y, z; one number is folded into x and y when it exceeds the limit of a dimension. */
export type Grid = number | readonly [number, number, number];

/** One dispatch of a kernel. */
export interface Call {
  /** Tensors by the name that the WGSL gives their binding. */
  readonly tensors: Readonly<Record<string, AnyTensor>>;
  /** Fields of the WGSL's `struct Params`. Only what is fixed by shapes: what changes per step comes in tensors. */
  readonly params?: Readonly<Record<string, number>>;
  /** Sizes that the program is built with, as `const` in WGSL. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly grid: Grid;
  /** Chosen by the adapter if omitted. */
  readonly variant?: string;
}

interface Pipeline {
  readonly program: Program;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const DTYPE_OF_ELEMENT: Readonly<Record<string, string>> = { f32: 'f32', vec4f: 'f32', vec2f: 'f32', vec3f: 'f32', u32: 'u32', vec4u: 'u32', vec2u: 'u32', i32: 'i32' };

/** A compute kernel: its WGSL parts, and the variants in which it can run, best first. */
export class Kernel {
  readonly name: string;
  readonly #parts: readonly Source[];
  readonly #variants: Readonly<Record<string, Variant>>;
  readonly #built = new WeakMap<Gpu, Map<string, Pipeline>>();

  constructor(name: string, parts: readonly Source[], variants: Readonly<Record<string, Variant>> = { only: { parts: [] } }) {
    this.name = name;
    this.#parts = parts;
    this.#variants = variants;
  }

  /** The variants that this device can run, best first for its kind. */
  variants(gpu: Gpu): string[] {
    const usable = Object.entries(this.#variants).filter(([, variant]) => (variant.needs ?? []).every((feature) => gpu.features.has(feature)));
    const foreign = (variant: Variant) => (variant.suits !== undefined && variant.suits !== gpu.kind ? 1 : 0);
    return usable.sort(([, a], [, b]) => foreign(a) - foreign(b)).map(([name]) => name);
  }

  /** The variant that a call without a choice of its own will run. */
  choose(gpu: Gpu): string {
    return gpu.preferences.get(this.name) ?? this.variants(gpu)[0];
  }

  /** Records one dispatch. */
  run(gpu: Gpu, call: Call): void {
    gpu.check();
    const variant = call.variant ?? this.choose(gpu);
    const { program, pipeline, layout } = this.#build(gpu, variant, call.constants ?? {});
    const [x, y, z] = this.#fold(gpu, call.grid);
    const group = this.#bind(gpu, program, layout, call);
    gpu.recorder.dispatch(`${this.name}.${variant}`, pipeline, group, x, y, z);
  }

  /** The linked text of a variant, for readers and tools. */
  program(gpu: Gpu, variant: string, constants: Readonly<Record<string, number | boolean>> = {}): Program {
    return this.#build(gpu, variant, constants).program;
  }

  #build(gpu: Gpu, variant: string, constants: Readonly<Record<string, number | boolean>>): Pipeline {
    let built = this.#built.get(gpu);
    if (built === undefined) this.#built.set(gpu, (built = new Map()));
    const key = `${variant} ${JSON.stringify(constants)}`;
    const found = built.get(key);
    if (found !== undefined) return found;
    const chosen = this.#variants[variant];
    if (chosen === undefined || !this.variants(gpu).includes(variant)) {
      throw new RangeError(`${this.name}: variant "${variant}" cannot run on ${gpu.name}; usable: ${this.variants(gpu).join(', ')}`);
    }
    const extensions = (chosen.needs ?? []).map((feature) => EXTENSIONS[feature]);
    const program = link([...chosen.parts, ...this.#parts], extensions, 'f32', constants);
    const pipeline = compile(gpu, `${this.name}.${variant}`, program);
    built.set(key, pipeline);
    return pipeline;
  }

  #fold(gpu: Gpu, grid: Grid): readonly [number, number, number] {
    const max = gpu.limits.maxComputeWorkgroupsPerDimension;
    const folded = typeof grid === 'number' ? ([Math.min(grid, max), Math.ceil(grid / max), 1] as const) : grid;
    const largest = Math.max(...folded);
    if (largest > max) throw new LimitError('maxComputeWorkgroupsPerDimension', largest, max, this.name);
    return folded;
  }

  #bind(gpu: Gpu, program: Program, layout: GPUBindGroupLayout, call: Call): GPUBindGroup {
    const ids: number[] = [];
    const entries: GPUBindGroupEntry[] = [];
    for (const binding of program.bindings) {
      if (binding.kind === 'uniform') {
        const { buffer, offset, bytes } = gpu.params.slot(packParams(this.name, program.params, call.params ?? {}));
        ids.push(-1, offset);
        entries.push({ binding: binding.index, resource: { buffer, offset, size: bytes } });
        continue;
      }
      const tensor = call.tensors[binding.name];
      if (tensor === undefined) throw new ShapeError(this.name, `binding "${binding.name}" got no tensor; given: ${Object.keys(call.tensors).join(', ')}`);
      const dtype = DTYPE_OF_ELEMENT[binding.element];
      if (tensor.dtype !== dtype) throw new DTypeError(this.name, binding.name, dtype ?? binding.element, tensor.dtype);
      const { storage } = tensor;
      const bytes = tensor.bytes + (storage.base > 0 ? GUARD_BYTES : 0); // in guard mode a write past the end lands in the guard
      if (bytes > gpu.limits.maxStorageBufferBindingSize) {
        throw new LimitError('maxStorageBufferBindingSize', bytes, gpu.limits.maxStorageBufferBindingSize, `${this.name}: "${binding.name}" [${tensor.shape}]`, 'use a smaller batch, or split the tensor');
      }
      const offset = storage.base + tensor.byteOffset;
      storage.lastUse = gpu.recorder.serial;
      ids.push(storage.id, offset, bytes);
      entries.push({ binding: binding.index, resource: { buffer: storage.buffer, offset, size: bytes } });
    }
    return gpu.bindGroup(layout, this.name, ids, entries);
  }
}

/** Writes the fields in the order of the WGSL struct. */
function packParams(kernel: string, fields: readonly ParamField[], values: Readonly<Record<string, number>>): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.ceil(fields.length / 4) * 16);
  const view = new DataView(bytes);
  fields.forEach((field, i) => {
    const value = values[field.name];
    if (value === undefined || Number.isNaN(value)) throw new ShapeError(kernel, `parameter "${field.name}" is ${value}`);
    if (field.type === 'f32') view.setFloat32(i * 4, value, true);
    else if (!Number.isInteger(value) || value < (field.type === 'u32' ? 0 : -(2 ** 31)) || value >= 2 ** 32) throw new ShapeError(kernel, `parameter "${field.name}" is ${value}, not a ${field.type}`);
    else view.setUint32(i * 4, value >>> 0, true);
  });
  return bytes;
}

/** Builds a pipeline with an explicit layout; a WGSL error surfaces at the next readback, with the file and line. */
function compile(gpu: Gpu, label: string, program: Program): Pipeline {
  const { device } = gpu;
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label, code: program.code });
  const layout = device.createBindGroupLayout({
    label,
    entries: program.bindings.map((binding) => ({
      binding: binding.index,
      visibility: 0x4, // COMPUTE
      buffer: { type: binding.kind === 'uniform' ? 'uniform' : binding.kind === 'read' ? 'read-only-storage' : 'storage' },
    })),
  });
  const pipeline = device.createComputePipeline({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: program.entry },
  });
  gpu.counts.pipelinesCreated++;
  gpu.track(
    device.popErrorScope().then(async (error) => {
      if (error === null) return;
      const info = await module.getCompilationInfo();
      const first = info.messages.find((message) => message.type === 'error');
      const where = first === undefined ? label : `${program.locate(first.lineNum)}:${first.linePos}`;
      throw new KernelCompileError(label, where, first?.message ?? error.message, error);
    }),
  );
  return { program, pipeline, layout };
}
