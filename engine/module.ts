import { copy } from './arithmetic.ts';
import type { Context } from './context.ts';
import { dispose } from './disposal.ts';
import { type FloatType, type Shape, sizeOf } from './dtype.ts';
import { FirstlightError, ShapeError } from './errors.ts';
import { Tensor } from './tensor.ts';

/** A model or a layer of one: parameters and smaller modules under the names that checkpoints use. */
export abstract class Module {
  readonly #parts = new Map<string, Tensor | Module>();

  /** Registers a parameter or a module under its checkpoint name and returns it. */
  protected add<T extends Tensor | Module>(name: string, member: T): T {
    if (this.#parts.has(name)) {
      throw new FirstlightError('FL_NAME', `a module has two parts named "${name}"`, { name },
        'give each a name of its own');
    }
    this.#parts.set(name, member);
    return member;
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

  /** Gives all parameters and their gradients back. */
  dispose(): void {
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
