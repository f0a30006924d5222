import { copy } from './arithmetic.ts';
import type { Context } from './context.ts';
import { CaptureError, FirstlightError } from './errors.ts';
import { GradSlot } from './grad_slot.ts';
import { roundUp } from './plan.ts';
import { Tensor } from './tensor.ts';

/** A parameter's place in an arena, in elements. */
export interface ArenaEntry {
  readonly name: string;
  readonly parameter: Tensor;
  readonly offset: number;
  readonly size: number;
}

/** Parameters that stand together in an arena. */
export interface ArenaSection {
  /** What the section is known by, e.g. the number of a parameter group. */
  readonly id: number;
  readonly parameters: readonly (readonly [string, Tensor])[];
}

/**
 * Parameters side by side in one buffer and their gradients in another, so that an optimiser updates thousands of
 * tensors in a few dispatches. The parameters stay tensors of their own: their memory moves into the arena.
 */
export class Arena {
  readonly gpu: Context;
  readonly entries: readonly ArenaEntry[];
  /** [n], all parameters; gaps between them (for alignment) stay zero. */
  readonly values: Tensor;
  /** [n], their gradients, at the same offsets. */
  readonly grads: Tensor;
  /**
   * [n] as f16: what parameters that are stored so show to kernels, while their masters lie in `values`. Only if there
   * are any.
   */
  readonly shadow: Tensor | undefined;
  readonly #slots = new Map<Tensor, GradSlot>();
  /** The section of every tile of the arena. */
  readonly sectionOfTile: Uint32Array;

  /** @param tile elements that one workgroup of an update takes; every section starts at a multiple of it */
  constructor(gpu: Context, label: string, sections: readonly ArenaSection[], tile: number) {
    this.gpu = gpu;
    checkParameters(sections);
    const alignment = gpu.limits.minStorageBufferOffsetAlignment / 2; // in elements, of f16 too
    const owners: number[] = [];
    let offset = 0;
    this.entries = sections.flatMap(({ id, parameters }) => {
      const entries = parameters.map(([name, parameter]) => {
        const entry = { name, parameter, offset, size: parameter.size };
        offset += roundUp(parameter.size, alignment);
        return entry;
      });
      offset = roundUp(offset, tile);
      while (owners.length < offset / tile) owners.push(id);
      return entries;
    });
    this.sectionOfTile = Uint32Array.from(owners);
    this.values = gpu.keep(Tensor.zeros(gpu, [offset], `${label}.values`));
    for (const { parameter, offset: at } of this.entries) moveInto(this.values, parameter.master ?? parameter, at);
    gpu.pool.trim(); // the parameters' old homes, before as much is taken for gradients
    const hasShadow = this.entries.some(({ parameter: { master } }) => master !== undefined);
    this.shadow = hasShadow ? gpu.keep(Tensor.empty(gpu, [offset], 'f16', `${label}.shadow`)) : undefined;
    this.grads = gpu.keep(Tensor.zeros(gpu, [offset], `${label}.grads`));
    for (const { parameter, offset: at } of this.entries) {
      if (this.shadow !== undefined && parameter.master !== undefined) moveInto(this.shadow, parameter, at);
      parameter.gradSlot = this.#slot(parameter, at);
    }
  }

  #slot(parameter: Tensor, at: number): GradSlot {
    const slot = new GradSlot(parameter, this.grads, at * this.grads.elementBytes);
    this.#slots.set(parameter, slot);
    return slot;
  }

  /** Forgets the gradients of the last step. Places that no backward pass fills again are cleared by `settle`. */
  zeroGrad(): void {
    for (const slot of this.#slots.values()) slot.forget();
  }

  /** Makes `grads` the gradients of all parameters: 0 for those that none reached in this step, but reached before. */
  settle(): void {
    for (const slot of this.#slots.values()) slot.complete();
  }

  /** Tells of every gradient that reaches a parameter, once it is in its place; `undefined` ends that. */
  tell(onGradient: ((parameter: Tensor) => void) | undefined): void {
    for (const [parameter, slot] of this.#slots) slot.onGradient = onGradient && (() => onGradient(parameter));
  }

  /** Gives the arena back; its parameters keep their memory until they are disposed of themselves. */
  dispose(): void {
    if (this.gpu.recording?.isNew(this.values) === false) {
      throw new CaptureError(`"${this.values.label}" is disposed of`, 'dispose of an optimiser outside of the step');
    }
    for (const { parameter } of this.entries) {
      this.#slots.get(parameter)?.forget();
      parameter.gradSlot = undefined;
    }
    this.values.dispose();
    this.grads.dispose();
    this.shadow?.dispose();
  }
}

/** A parameter has one place in one arena, or two optimisers would change two copies of it. */
function checkParameters(sections: readonly ArenaSection[]): void {
  const names = new Map<Tensor, string>();
  for (const [name, parameter] of sections.flatMap(({ parameters }) => parameters)) {
    const before = names.get(parameter);
    if (before !== undefined) {
      throw new FirstlightError('FL_IN_USE', `"${name}" and "${before}" are one parameter`, { name, before },
        'give it to the optimiser once');
    }
    if (parameter.gradSlot !== undefined) {
      throw new FirstlightError('FL_IN_USE', `"${name}" belongs to another optimiser`, { name },
        'dispose of that one first');
    }
    names.set(parameter, name);
  }
}

/** Makes element `at` of an arena the home of a tensor, content and all. */
function moveInto(arena: Tensor, tensor: Tensor, at: number): void {
  const place = arena.gpu.keep(arena.alias(tensor.shape, at * arena.elementBytes));
  copy(tensor, place);
  tensor.rehome(place);
  place.dispose();
}
