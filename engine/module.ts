import { copy } from './arithmetic.ts';
import type { Context } from './context.ts';
import { dispose } from './disposal.ts';
import { type FloatType, type Shape, sizeOf } from './dtype.ts';
import { FirstlightError, ShapeError } from './errors.ts';
import { type AnyTensor, Tensor } from './tensor.ts';

/** A model or a layer of one: parameters, buffers and smaller modules under the names that checkpoints use. */
export abstract class Module {
  readonly #parts = new Map<string, Tensor | Module>();
  readonly #buffers = new Map<string, AnyTensor>();
  readonly #constants: AnyTensor[] = [];

  /** Registers a parameter or a module under its checkpoint name and returns it. */
  protected add<T extends Tensor | Module>(name: string, member: T): T {
    this.#requireFree(name);
    this.#parts.set(name, member);
    return member;
  }

  /**
   * Registers what a checkpoint keeps and no gradient reaches, such as running statistics, and returns it. It is f32 in
   * a module of any precision, or u32 where it counts.
   */
  protected addBuffer<T extends AnyTensor>(name: string, tensor: T): T {
    this.#requireFree(name);
    this.#buffers.set(name, tensor.gpu.keep(tensor));
    return tensor;
  }

  /** Takes in what its sizes alone tell, such as computed positions, and returns it. No checkpoint keeps it. */
  protected addConstant<T extends AnyTensor>(tensor: T): T {
    this.#constants.push(tensor.gpu.keep(tensor));
    return tensor;
  }

  #requireFree(name: string): void {
    if (!this.#parts.has(name) && !this.#buffers.has(name)) return;
    throw new FirstlightError('FL_NAME', `a module has two parts named "${name}"`, { name },
      'give each a name of its own');
  }

  /** Registers modules under `name.0`, `name.1`, …. */
  protected addAll<T extends Module>(name: string, modules: readonly T[]): readonly T[] {
    modules.forEach((member, i) => this.add(`${name}.${i}`, member));
    return modules;
  }

  /**
   * Full name and tensor of every parameter, in order of registration. One that has several names, as tied weights
   * have, comes once, under the first.
   */
  *parameters(prefix = '', seen = new Set<Tensor>()): Generator<[string, Tensor]> {
    for (const [name, member] of this.#parts) {
      if (member instanceof Module) yield* member.parameters(`${prefix}${name}.`, seen);
      else if (!seen.has(member)) {
        seen.add(member);
        yield [prefix + name, member];
      }
    }
  }

  /** Full name and tensor of every buffer, likewise. */
  *buffers(prefix = '', seen = new Set<AnyTensor>()): Generator<[string, AnyTensor]> {
    for (const [name, tensor] of this.#buffers) {
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      yield [prefix + name, tensor];
    }
    for (const [name, member] of this.#parts) {
      if (member instanceof Module) yield* member.buffers(`${prefix}${name}.`, seen);
    }
  }

  /** What a checkpoint keeps of it: parameters, and then buffers. */
  *state(): Generator<[string, AnyTensor]> {
    yield* this.parameters();
    yield* this.buffers();
  }

  /** This module and those in it, each before its own. */
  *modules(): Generator<Module> {
    yield this;
    for (const member of this.#parts.values()) if (member instanceof Module) yield* member.modules();
  }

  /** Gives all parameters, their gradients, all buffers and all constants back. */
  dispose(): void {
    for (const module of this.modules()) for (const constant of module.#constants) constant.dispose();
    for (const [, buffer] of this.buffers()) buffer.dispose();
    for (const [, parameter] of this.parameters()) {
      parameter.grad?.dispose();
      parameter.master?.dispose();
      parameter.dispose();
    }
  }

  [dispose](): void {
    this.dispose();
  }
}

/** Number of trained numbers in a module. */
export function parameterCount(module: Module): number {
  let count = 0;
  for (const [, parameter] of module.parameters()) count += parameter.size;
  return count;
}

/** How `parameter` stores what it makes. */
let stored: FloatType = 'f32';

/**
 * A parameter of `shape`, zero until it is initialised or loaded. It is f32, or as `storedAs` says; scalars are always
 * f32: a temperature belongs to the head of a model, which computes in f32.
 */
export function parameter(gpu: Context, name: string, shape: Shape): Tensor {
  const tensor = gpu.keep(Tensor.zeros(gpu, shape, name, canBeHalved(shape) ? stored : 'f32') as Tensor);
  tensor.requiresGrad = true;
  return tensor;
}

const canBeHalved = (shape: Shape): boolean => shape.length > 0;

/**
 * A buffer of numbers, all of them `value` until they are loaded. f32 whatever the parameters are stored as: statistics
 * are long sums.
 */
export function buffer(gpu: Context, name: string, shape: Shape, value: number): Tensor<'f32'> {
  return Tensor.from(gpu, new Float32Array(sizeOf(shape)).fill(value), shape, name);
}

/** A buffer that counts, from 0. Files hold it in 64 bits. */
export function counter(gpu: Context, name: string): Tensor<'u32'> {
  return Tensor.zeros(gpu, [], name, 'u32');
}

/** The parameters that `make` makes are stored so, without masters: those of a model that is used, and not trained. */
export function storedAs<T>(type: FloatType, make: () => T): T {
  const before = stored;
  stored = type;
  try {
    return make();
  } finally {
    stored = before;
  }
}

/** Stores the parameters of a module as f16, with f32 masters; scalars stay f32. */
export function halve(module: Module): void {
  for (const [, parameter] of module.parameters()) if (canBeHalved(parameter.shape)) halveParameter(parameter);
}

/**
 * Stores a parameter as f16 from now on: its memory becomes its `master`, which only the optimiser and checkpoints look
 * at, and kernels are given a rounded shadow of it.
 */
function halveParameter(parameter: Tensor): void {
  if (parameter.dtype === 'f16') return;
  const { gpu } = parameter;
  const master = gpu.keep(parameter.alias() as Tensor<'f32'>);
  using shadow = Tensor.empty(gpu, parameter.shape, 'f16', parameter.label);
  copy(master, shadow);
  parameter.rehome(shadow);
  parameter.master = master;
  parameter.hasWideGradient = true;
}

/** Overwrites a parameter from the host. */
export function assign(name: string, parameter: Tensor, values: Float32Array): void {
  if (values.length !== sizeOf(parameter.shape)) {
    throw new ShapeError(name, `the parameter is [${parameter.shape}], got ${values.length} values`);
  }
  parameter.master?.write(values);
  parameter.write(values);
}
