import type { Candidate, Extents, Sizes } from './candidates.ts';
import type { Resource } from './command.ts';
import type { Context } from './context.ts';
import type { FloatType } from './dtype.ts';
import type { Edits } from './edits.ts';
import { ContextError, DTypeError, FirstlightError, LimitError, ShapeError } from './errors.ts';
import { KernelSources } from './kernel_sources.ts';
import { packFields } from './struct.ts';
import { Built } from './pipeline.ts';
import type { AnyTensor } from './tensor.ts';
import { type Texture, textureBytes } from './textures.ts';
import { type Field, grid, link, type Program, type Source, type StorageTypes } from './wgsl.ts';

/**
 * Features that a variant may need, and the WGSL extension that each switches on. Half precision needs none: tensors
 * ask for it.
 */
const EXTENSIONS = { subgroups: 'subgroups', 'subgroup-size-control': 'subgroup_size_control',
  'chromium-experimental-subgroup-matrix': 'chromium_experimental_subgroup_matrix' } as const;
/** The same of WGSL itself, which some browsers lack. */
export const LANGUAGE = ['readonly_and_readwrite_storage_textures'] as const;

/** One way to run a kernel. */
export interface Variant {
  /** Parts that this variant adds, or, if it is a rung of its own, its whole text. */
  readonly parts: readonly Source[];
  readonly needs?: readonly (keyof typeof EXTENSIONS | typeof LANGUAGE[number])[];
  /** The kind of machine it was made for. On the other kind it is tried last. */
  readonly suits?: 'software' | 'hardware';
  /** The only way of storing `elem` that it can read; any if omitted. */
  readonly takes?: FloatType;
  /** Never chosen, and run only where it is asked for by name: for tests and readers. */
  readonly onRequest?: true;
  /** Sizes in which it can be launched on a device, the one to take by default first; none to choose if omitted. */
  sizes?(gpu: Context): readonly Sizes[];
}

/** Workgroups in x, y, z; one number is folded into x and y when it exceeds the limit of a dimension. */
export type Grid = number | readonly [number, number, number];

/** One dispatch of a kernel. */
export interface Call {
  /** Tensors by the name that the WGSL gives their binding. */
  readonly tensors: Readonly<Record<string, AnyTensor>>;
  /** The same for bindings that are storage textures. */
  readonly textures?: Readonly<Record<string, Texture>>;
  /** Fields of the WGSL's `struct Params`. Only what is fixed by shapes: what changes per step comes in tensors. */
  readonly params?: Readonly<Record<string, number>>;
  /** Sizes that the program is built with, as `const` in WGSL. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly grid: Grid;
  /**
   * Operations on numbers, where they are many for each byte that is bound, as in products: submits are kept short by
   * it.
   */
  readonly flops?: number;
  /** Chosen by the adapter if omitted. */
  readonly variant?: string;
}

const WIDE: StorageTypes = { elem: 'f32', result: 'f32' };

const DTYPE_OF_ELEMENT: Readonly<Record<string, string>> = { f32: 'f32', vec4f: 'f32', vec2f: 'f32', vec3f: 'f32',
  u32: 'u32', vec4u: 'u32', vec2u: 'u32', i32: 'i32' };

/** A compute kernel: its WGSL parts, and the variants in which it can run, best first. */
export class Kernel {
  readonly name: string;
  readonly #variants: Readonly<Record<string, Variant>>;
  readonly #written: KernelSources;
  readonly #edited = new WeakMap<Edits, KernelSources>();
  readonly #built = new WeakMap<Context, Map<string, Built>>();
  readonly #candidates = new WeakMap<Context, Readonly<Record<FloatType, readonly Candidate[]>>>();

  constructor(name: string, parts: readonly Source[],
    variants: Readonly<Record<string, Variant>> = { only: { parts: [] } }) {
    this.name = name;
    this.#variants = variants;
    this.#written = new KernelSources(name, parts,
      Object.fromEntries(Object.entries(variants).map(([variant, { parts: own }]) => [variant, own])));
  }

  /** Its WGSL as it was written, all variants together, each file once. */
  get sources(): readonly Source[] {
    return this.#written.all;
  }

  /** Its WGSL as a context has it. */
  #sourcesOf({ edits }: Context): KernelSources {
    let sources = edits.areNone ? this.#written : this.#edited.get(edits);
    if (sources === undefined) {
      const touched = edits.touch(this.#written.all);
      sources = touched ? this.#written.with((parts) => edits.of(parts), this.name) : this.#written;
      this.#edited.set(edits, sources);
    }
    return sources;
  }

  /** The variants to choose from on this device, best first for its kind. */
  variants(gpu: Context): string[] {
    const foreign = ({ suits }: Variant) => (suits !== undefined && suits !== gpu.kind ? 1 : 0);
    const usable = Object.entries(this.#variants).filter(([, variant]) =>
      variant.onRequest !== true && canRun(gpu, variant)
    );
    return usable.sort(([, a], [, b]) => foreign(a) - foreign(b)).map(([name]) => name);
  }

  /** All variants, whether or not a device can run them. */
  get variantNames(): readonly string[] {
    return Object.keys(this.#variants);
  }

  /**
   * Every way to run a call whose `elem` is stored so: the variants that take it, best first, each in its sizes, the
   * default first.
   */
  candidates(gpu: Context, stored: FloatType = 'f32'): readonly Candidate[] {
    let candidates = this.#candidates.get(gpu);
    if (candidates === undefined) {
      const variants = this.variants(gpu).map((name) => ({ name, takes: this.#variants[name].takes,
        sizes: this.#variants[name].sizes?.(gpu) ?? [{}] })
      );
      const taking = (type: FloatType) =>
        variants.filter(({ takes = type }) => takes === type).flatMap(({ name, sizes }) =>
          sizes.map((size) => ({ variant: name, sizes: size }))
        );
      candidates = { f32: taking('f32'), f16: taking('f16') };
      this.#candidates.set(gpu, candidates);
    }
    return candidates[stored];
  }

  /** Whether calls in f16 have other candidates here than those in f32. */
  hasOwnCandidatesForHalves(gpu: Context): boolean {
    return this.candidates(gpu, 'f16').length !== this.candidates(gpu, 'f32').length;
  }

  /**
   * The way that a call of these extents, whose `elem` is stored so, is run. A launcher that wants to know asks before
   * the call, and passes the variant on. Calls in f16 are a class of their own where they have other candidates.
   *
   * @param candidates those of the call, the default first, where sizes rule some out or put others first
   */
  choose(gpu: Context, extents: Extents = {}, stored: FloatType = 'f32',
    candidates = this.candidates(gpu, stored)): Candidate {
    const own = stored === 'f16' && this.hasOwnCandidatesForHalves(gpu);
    const { fingerprint } = this.#sourcesOf(gpu);
    return gpu.candidates.choose({ name: this.name, fingerprint }, candidates,
      own ? { ...extents, f16: true } : extents);
  }

  /** Tells one state of the WGSL, as it was written, all variants together, from another. */
  get fingerprint(): string {
    return this.#written.fingerprint;
  }

  /** Records one dispatch. */
  run(gpu: Context, call: Call): void {
    gpu.check();
    const sources = this.#sourcesOf(gpu);
    checkNames(sources, call);
    const variant = call.variant ?? this.choose(gpu).variant;
    const types = storageTypes(sources, variant, call.tensors);
    const built = this.#build(gpu, variant, types, call.constants ?? {});
    gpu.append({ kind: 'dispatch', label: built.label, built,
      resources: resourcesOf(gpu, sources.owner, built.program, types, call), grid: this.#fold(gpu, call.grid),
      flops: call.flops });
  }

  /** The linked text of a variant, for readers and tools. */
  program(gpu: Context, variant: string, constants: Readonly<Record<string, number | boolean>> = {},
    types = WIDE): Program {
    return this.#build(gpu, variant, types, constants).program;
  }

  #build(gpu: Context, variant: string, types: StorageTypes,
    constants: Readonly<Record<string, number | boolean>>): Built {
    let built = this.#built.get(gpu);
    if (built === undefined) this.#built.set(gpu, built = new Map());
    const key = `${variant} ${types.elem} ${types.result} ${JSON.stringify(constants)}`;
    const found = built.get(key);
    if (found !== undefined) return found;
    const chosen = this.#variants[variant];
    if (chosen === undefined || !canRun(gpu, chosen)) {
      throw new RangeError(
        `${this.name}: variant "${variant}" cannot run on ${gpu.name}; usable: ${this.variants(gpu).join(', ')}`,
      );
    }
    if (chosen.takes !== undefined && chosen.takes !== types.elem) {
      throw new DTypeError(this.name, `elem of variant "${variant}"`, chosen.takes, types.elem);
    }
    const extensions = (chosen.needs ?? []).flatMap((feature) =>
      feature in EXTENSIONS ? [EXTENSIONS[feature as keyof typeof EXTENSIONS]] : []
    );
    const parts = gpu.edits.of([grid]).concat(this.#sourcesOf(gpu).of(variant));
    const program = link(parts, extensions, types, constants);
    const made = new Built(`${this.name}.${variant}`, program, key);
    built.set(key, made);
    return made;
  }

  #fold(gpu: Context, grid: Grid): readonly [number, number, number] {
    const max = gpu.limits.maxComputeWorkgroupsPerDimension;
    const folded = typeof grid === 'number' ? ([Math.min(grid, max), Math.ceil(grid / max), 1] as const) : grid;
    if (!folded.every((count) => Number.isInteger(count) && count >= 1)) {
      throw new RangeError(`${this.name}: a grid of ${folded.join(' × ')} workgroups: whole numbers of at least 1 are`);
    }
    const largest = Math.max(...folded);
    if (largest > max) throw new LimitError('maxComputeWorkgroupsPerDimension', largest, max, this.name);
    return folded;
  }
}

/** Refuses what no variant of the kernel knows: a misspelt name would be a number that has no effect. */
function checkNames({ owner, names }: KernelSources, call: Call): void {
  for (const kind of ['tensors', 'params', 'constants'] as const) {
    for (const name in call[kind]) {
      if (names[kind].has(name)) continue;
      throw new FirstlightError('FL_NAME',
        `${owner}: ${kind} have no "${name}"; the WGSL knows ${[...names[kind]].join(', ') || 'none'}`, { kind, name },
        'the launch and the WGSL must use the same names: of bindings, of fields of struct Params, of constants');
    }
  }
}

/** How the tensors of a call are stored: the first one of each kind decides, and the others are checked against it. */
function storageTypes(sources: KernelSources, variant: string, tensors: Call['tensors']): StorageTypes {
  const bindings = sources.bindings(variant);
  const typeOf = (kind: string) => {
    const first = bindings.find(({ element, name }) => element === kind && tensors[name] !== undefined);
    return first !== undefined && tensors[first.name].dtype === 'f16' ? 'f16' : 'f32';
  };
  return { elem: typeOf('elem'), result: typeOf('result') };
}

/** @param owner what errors call the kernel */
function resourcesOf(gpu: Context, owner: string, program: Program, types: StorageTypes, call: Call): Resource[] {
  return program.bindings.map(({ kind, name, index, element }) => {
    if (kind === 'uniform') return { kind, index, block: packParams(owner, program.params, call.params ?? {}) };
    if (kind === 'texture_read' || kind === 'texture_write') {
      const texture = call.textures?.[name];
      if (texture === undefined) throw new ShapeError(owner, `binding "${name}" got no texture`);
      return { kind, index, texture, bytes: textureBytes(texture.size) };
    }
    const tensor = call.tensors[name];
    if (tensor === undefined) {
      throw new ShapeError(owner, `binding "${name}" got no tensor; given: ${Object.keys(call.tensors).join(', ')}`);
    }
    const dtype = element === 'elem' || element === 'result' ? types[element] : DTYPE_OF_ELEMENT[element];
    if (tensor.dtype !== dtype) throw new DTypeError(owner, name, dtype ?? element, tensor.dtype);
    if (tensor.gpu !== gpu) throw new ContextError(owner, name);
    const { storage, byteOffset: offset, bytes } = tensor;
    const bound = bytes + gpu.pool.guardBytes; // in guard mode a write past the end lands in the guard
    if (bound > gpu.limits.maxStorageBufferBindingSize) {
      throw new LimitError('maxStorageBufferBindingSize', bound, gpu.limits.maxStorageBufferBindingSize,
        `${owner}: "${name}" [${tensor.shape}]`, 'use a smaller batch, or split the tensor');
    }
    return { kind, index, storage, offset, bytes: bound };
  });
}

function canRun(gpu: Context, { needs = [] }: Variant): boolean {
  return needs.every((feature) => gpu.features.has(feature));
}

/** The block of a uniform binding, which is a multiple of 16 bytes. */
function packParams(kernel: string, fields: readonly Field[], values: Readonly<Record<string, number>>): ArrayBuffer {
  const block = new ArrayBuffer(Math.ceil(fields.length / 4) * 16);
  packFields(kernel, 'parameter', fields, [values], new DataView(block), fields.length);
  return block;
}
