import { accumulate, copy } from './arithmetic.ts';
import { FirstlightError } from './errors.ts';
import type { Tensor } from './tensor.ts';

/**
 * A parameter's place in the gradients of an arena. The first gradient of a step is written there by the kernel that
 * makes it, if it asks in time (`lend`); every other one is added.
 */
export class GradSlot {
  readonly #parameter: Tensor;
  readonly #grads: Tensor;
  readonly #byteOffset: number;
  /** The handle with which a kernel was told to write here; it is over with the scope of its pull. */
  #loan: Tensor | undefined;
  #everFilled = false;
  /** Told of every gradient that reached the parameter, once it is in its place. */
  onGradient: (() => void) | undefined;

  /** @param grads [n] of f32, the gradients of an arena  @param byteOffset of the parameter's place in it */
  constructor(parameter: Tensor, grads: Tensor, byteOffset: number) {
    this.#parameter = parameter;
    this.#grads = grads;
    this.#byteOffset = byteOffset;
  }

  lend(): Tensor | undefined {
    const isLent = this.#loan !== undefined && !this.#loan.isDisposed;
    if (this.#parameter.grad !== undefined || isLent) return undefined;
    this.#loan = this.#place();
    return this.#loan;
  }

  /** Whether a gradient was written into the place. */
  isHere({ storage, byteOffset }: Tensor): boolean {
    return storage === this.#grads.storage && byteOffset === this.#grads.byteOffset + this.#byteOffset;
  }

  add(gradient: Tensor): void {
    this.#add(gradient);
    this.onGradient?.();
  }

  #add(gradient: Tensor): void {
    const before = this.#parameter.grad;
    if (this.isHere(gradient)) {
      if (before !== undefined) {
        const { label, shape } = this.#parameter;
        throw new FirstlightError('FL_GRADIENT_LOST',
          `the gradient of "${label}" [${shape}] was written over one that came meanwhile`, {},
          'run no backward() inside of a pull that asked for gradLike()');
      }
      this.#loan = undefined;
      return this.#fill(this.#place());
    }
    const place = before !== undefined && this.isHere(before) ? before : this.#place();
    if (place !== before) copy(before ?? gradient, place);
    if (before !== undefined) accumulate(place, gradient);
    if (place === before) return;
    before?.dispose();
    this.#fill(place);
  }

  /**
   * Makes the place what an optimiser may read: a gradient that somebody set is copied here, and one that was here
   * before but not in this step is 0.
   */
  complete(): void {
    const { grad, gpu } = this.#parameter;
    if (grad === undefined && this.#everFilled) {
      this.#fill(this.#place());
      gpu.clear(this.#place());
    } else if (grad !== undefined && !this.isHere(grad)) {
      copy(grad, this.#place());
      this.#everFilled = true;
    }
  }

  /** Forgets the gradient of the last step. */
  forget(): void {
    this.#parameter.grad?.dispose();
    this.#parameter.grad = undefined;
  }

  #place(): Tensor {
    return this.#grads.alias(this.#parameter.shape, this.#byteOffset);
  }

  #fill(place: Tensor): void {
    this.#parameter.grad = this.#parameter.gpu.keep(place);
    this.#everFilled = true;
  }
}
