import { accumulate, copy } from './arithmetic.ts';
import type { Tensor } from './tensor.ts';

/**
 * A parameter's place in the gradients of an arena. The first gradient of a step is written there by the kernel that makes it, if it asks
 * in time (`lend`); every other one is added.
 */
export class GradSlot {
  readonly #parameter: Tensor;
  readonly #grads: Tensor;
  readonly #byteOffset: number;
  /** The handle with which a kernel was told to write here, until its pull is over. */
  #loan: Tensor | undefined;
  /** Came while the place was lent: added once the place holds something. */
  #aside: Tensor | undefined;
  #everFilled = false;

  /** @param grads [n] of f32, the gradients of an arena  @param byteOffset of the parameter's place in it */
  constructor(parameter: Tensor, grads: Tensor, byteOffset: number) {
    this.#parameter = parameter;
    this.#grads = grads;
    this.#byteOffset = byteOffset;
  }

  lend(): Tensor | undefined {
    if (this.#parameter.grad !== undefined || this.#isLent) return undefined;
    this.#loan = this.#place();
    return this.#loan;
  }

  add(gradient: Tensor): void {
    const before = this.#parameter.grad;
    if (before === undefined && this.#isHere(gradient)) {
      this.#fill(this.#place());
      this.#loan = undefined;
    } else if (before === undefined && this.#isLent) {
      this.#setAside(gradient);
    } else {
      this.#addTo(before, gradient);
    }
    if (!this.#isLent) this.settle();
  }

  /** Adds what was put aside, if nobody can give the place back any more. */
  settle(): void {
    const aside = this.#aside;
    if (aside === undefined || this.#isLent) return;
    this.#aside = undefined;
    this.#addTo(this.#parameter.grad, aside);
    aside.dispose();
  }

  /** Makes the place what an optimiser may read: a gradient that somebody set is copied here, and one that was here before but not in this step is 0. */
  complete(): void {
    const { grad, gpu } = this.#parameter;
    if (grad === undefined && this.#everFilled) {
      this.#fill(this.#place());
      gpu.clear(this.#place());
    } else if (grad !== undefined && !this.#isHere(grad)) {
      copy(grad, this.#place());
      this.#everFilled = true;
    }
  }

  /** Forgets the gradient of the last step, and what a backward pass that failed left aside. */
  forget(): void {
    this.#aside?.dispose();
    this.#aside = undefined;
    this.#parameter.grad?.dispose();
    this.#parameter.grad = undefined;
  }

  get #isLent(): boolean {
    return this.#loan !== undefined && !this.#loan.isDisposed;
  }

  #place(): Tensor {
    return this.#grads.alias(this.#parameter.shape, this.#byteOffset);
  }

  #isHere({ storage, byteOffset }: Tensor): boolean {
    return storage === this.#grads.storage && byteOffset === this.#grads.byteOffset + this.#byteOffset;
  }

  #fill(place: Tensor): void {
    this.#parameter.grad = this.#parameter.gpu.keep(place);
    this.#everFilled = true;
  }

  #setAside(gradient: Tensor): void {
    const { gpu } = this.#parameter;
    const own = gpu.keep(gradient.like());
    copy(gradient, own);
    if (this.#aside !== undefined) accumulate(own, this.#aside);
    this.#aside?.dispose();
    this.#aside = own;
    gpu.recording?.noteChange(() => {
      this.#aside = undefined;
    });
  }

  #addTo(before: Tensor | undefined, gradient: Tensor): void {
    const place = before !== undefined && this.#isHere(before) ? before : this.#place();
    if (before === undefined) copy(gradient, place);
    else {
      if (place !== before) copy(before, place);
      accumulate(place, gradient);
    }
    if (place === before) return;
    before?.dispose();
    this.#fill(place);
  }
}
