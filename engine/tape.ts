import { ShapeError, FirstlightError } from './errors.ts';
import type { AnyTensor, Tensor } from './tensor.ts';

/**
 * What reached the parents of an operation before it in this backward pass. A pull that can add it in the kernel that makes its own
 * gradient takes it, and then returns the sum; what is not taken the tape adds in a dispatch of its own.
 */
export interface SoFar {
  /** The gradient so far of a parent, by its number, to be read; undefined if there is none, or if it is stored in another way than the parent. */
  take(parent: number): Tensor | undefined;
  /** The same if nobody else uses its memory: the pull may add to it in place, and returns it. */
  takeOwn(parent: number): Tensor | undefined;
}

/** From the gradient of a result to the gradients of its parents, in their order; `undefined` where none is needed. */
export type Pull = (dy: Tensor, soFar: SoFar) => readonly (Tensor | undefined)[];

let recording = true;
let nextSerial = 1;

/**
 * One recorded operation. It lives as long as its result does, or an operation computed from it: `references` counts both,
 * so a graph whose loss is dropped gives back what it saved, without a backward pass and without the garbage collector.
 */
export class TapeNode {
  readonly serial = nextSerial++;
  readonly parents: readonly AnyTensor[];
  #references = 1;
  #pull: Pull | undefined;
  readonly #saved: readonly AnyTensor[];

  constructor(parents: readonly AnyTensor[], pull: Pull, saved: readonly AnyTensor[]) {
    this.parents = parents;
    this.#pull = pull;
    this.#saved = saved;
    for (const tensor of saved) tensor.hold();
    for (const parent of parents) parent.node?.reference();
  }

  reference(): void {
    this.#references++;
  }

  release(): void {
    // a loop, not recursion: a graph may be deeper than the call stack
    const pending: TapeNode[] = [this];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      node.#references--;
      if (node.#references > 0 || node.#pull === undefined) continue;
      pending.push(...node.#drop());
    }
  }

  /** Runs the gradient once and gives back what was saved for it. */
  run(dy: Tensor, soFar: SoFar): readonly (Tensor | undefined)[] {
    const pull = this.#pull;
    if (pull === undefined) {
      throw new FirstlightError('FL_GRAPH_CONSUMED', 'this graph went through a backward pass already', {}, 'compute the loss again before the next backward()');
    }
    return pull(dy, soFar);
  }

  consume(): void {
    if (this.#pull === undefined) return;
    for (const node of this.#drop()) node.release();
  }

  #drop(): TapeNode[] {
    this.#pull = undefined;
    for (const tensor of this.#saved) tensor.release();
    return this.parents.flatMap((parent) => parent.node ?? []);
  }
}

/**
 * Puts an operation on the tape: `y` was computed from `parents`, and `pull` takes dLoss/dy to the parents' gradients.
 *
 * @param saved tensors that `pull` reads; they are kept until it ran. All parents unless said otherwise.
 */
export function record<T extends AnyTensor>(y: T, parents: readonly AnyTensor[], pull: Pull, saved: readonly AnyTensor[] = parents): T {
  if (!recording || !parents.some((parent) => parent.requiresGrad)) return y;
  y.requiresGrad = true;
  y.node = new TapeNode(parents, pull, saved);
  return y;
}

/** Whether operations are being recorded. */
export function isRecording(): boolean {
  return recording;
}

/** Runs `fn` without recording: no gradient, nothing kept. */
export function noGrad<T>(fn: () => T): T {
  return withRecording(false, fn);
}

function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    const result = fn();
    if (result instanceof Promise) throw new TypeError('noGrad and recompute take synchronous functions: what runs after an await would be recorded');
    return result;
  } finally {
    recording = before;
  }
}

/**
 * Reverse-mode differentiation: adds dLoss/dp to `p.grad` of every parameter p that `loss` was computed from.
 * Operations are walked by falling serial number, so each result has all of its gradient before it is passed on.
 *
 * @param loss one element, unless `seed` is given  @param seed dLoss/dloss, of the shape of `loss`; 1 if omitted
 */
export function backward(loss: Tensor, seed?: Tensor): void {
  if (loss.node === undefined) throw new ShapeError('backward', 'nothing was recorded for this tensor', 'compute it from a parameter (requiresGrad), outside noGrad');
  if (seed === undefined && loss.size !== 1) throw new ShapeError('backward', `the loss must have one element, got [${loss.shape}]`, 'pass the gradient of the result as the second argument');
  const gpu = loss.gpu;
  const root = loss.node;
  noGrad(() =>
    gpu.scope(() => {
      const gradients = new Map<TapeNode, Tensor>([[root, seed?.alias() ?? gpu.ones(loss.shape)]]);
      const nodes = reachable(root);
      for (const node of nodes) node.reference(); // nobody may drop a node of this walk before its turn
      for (const node of nodes) {
        const dy = gradients.get(node);
        gradients.delete(node);
        if (dy !== undefined) {
          const done = [dy];
          const taken = new Taken(node, gradients);
          const pulled = gpu.scope(() => node.run(dy, taken));
          taken.check(pulled);
          // sums that a pull made come first: what other parents of the same node get is added to them
          const order = node.parents.map((_, i) => i).sort((a, b) => Number(taken.has(b)) - Number(taken.has(a)) || a - b);
          for (const i of order) {
            const parent = node.parents[i];
            const gradient = pulled[i];
            if (gradient === undefined) continue;
            done.push(gradient);
            if (!parent.requiresGrad) continue;
            if (parent.node === undefined) {
              deposit(parent as Tensor, gradient);
              continue;
            }
            const before = gradients.get(parent.node);
            if (before !== undefined) done.push(before);
            const total = before === undefined || taken.has(i) ? gradient : gpu.sum(before, gradient);
            // one gradient may stand for several results (y = a + b hands dy to both): each has a handle of its own, so that users of its memory can be counted
            gradients.set(parent.node, total !== before && [...gradients.values()].includes(total) ? total.alias() : total);
          }
          const waiting = new Set(gradients.values());
          for (const gradient of done) if (!waiting.has(gradient)) gradient.dispose();
        }
        node.consume();
        node.release();
      }
    }),
  );
}

/** The gradients so far of a node's parents, and which of them its pull took. */
class Taken implements SoFar {
  readonly #node: TapeNode;
  readonly #gradients: ReadonlyMap<TapeNode, Tensor>;
  readonly #taken = new Map<TapeNode, number>();

  constructor(node: TapeNode, gradients: ReadonlyMap<TapeNode, Tensor>) {
    this.#node = node;
    this.#gradients = gradients;
  }

  take(parent: number): Tensor | undefined {
    const soFar = this.#soFar(parent);
    const { node } = this.#node.parents[parent];
    if (soFar !== undefined && node !== undefined) this.#taken.set(node, parent);
    return soFar;
  }

  takeOwn(parent: number): Tensor | undefined {
    return this.#soFar(parent)?.storage.refs === 1 ? this.take(parent) : undefined;
  }

  #soFar(parent: number): Tensor | undefined {
    const { node, requiresGrad, dtype } = this.#node.parents[parent];
    if (node === undefined || !requiresGrad || this.#taken.has(node)) return undefined;
    const soFar = this.#gradients.get(node);
    return soFar?.dtype === dtype ? soFar : undefined;
  }

  /** What was taken must come back: it is in nobody's hands else. */
  check(pulled: readonly (Tensor | undefined)[]): void {
    for (const [, parent] of this.#taken) {
      if (pulled[parent] === undefined) throw new FirstlightError('FL_GRADIENT_LOST', `an operation took what its parent ${parent} had so far and returned no gradient for it`, {}, 'return the sum, or do not take it');
    }
  }

  has(parent: number): boolean {
    const { node } = this.#node.parents[parent];
    return node !== undefined && this.#taken.get(node) === parent;
  }
}

/** All operations below `from`, latest first. */
function reachable(from: TapeNode): TapeNode[] {
  const seen = new Set<TapeNode>([from]);
  for (const node of seen) for (const parent of node.parents) if (parent.node !== undefined) seen.add(parent.node);
  return [...seen].sort((a, b) => b.serial - a.serial);
}

/** Adds `gradient` to a parameter's `grad`. */
function deposit(parameter: Tensor, gradient: Tensor): void {
  const gpu = parameter.gpu;
  const slot = parameter.gradSlot;
  if (slot !== undefined) {
    if (gradient.storage === slot.place.storage && gradient.byteOffset === slot.place.byteOffset) slot.claimed = false;
    else if (slot.filled) gpu.accumulate(slot.place, gradient);
    else gpu.copy(gradient, slot.place);
    slot.filled = slot.everFilled = true;
    parameter.grad = slot.place;
    return;
  }
  const before = parameter.grad;
  const total = before !== undefined ? gpu.sum(before, gradient) : gradient.dtype === parameter.gradType ? gradient.alias(parameter.shape) : converted(gradient, parameter);
  before?.dispose();
  parameter.grad = gpu.keep(total);
}

/** A gradient as its parameter wants it stored. */
function converted(gradient: Tensor, parameter: Tensor): Tensor {
  const wide = parameter.gradLike();
  parameter.gpu.copy(gradient, wide);
  return wide;
}

/**
 * Runs `fn` without keeping what it computes on the way, and runs it again when its gradient is wanted: activations for
 * time. Chen et al. 2016, arXiv:1604.06174. Random numbers are counter-based, so both runs draw the same.
 */
export function recompute(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  const gpu = inputs[0].gpu;
  const y = noGrad(() => gpu.scope(() => fn(...inputs)));
  if (!recording) return y;
  y.requiresGrad = true;
  y.node = new TapeNode(
    inputs,
    (dy) => {
      const again = inputs.map((input) => {
        const fresh = input.detach();
        fresh.requiresGrad = input.requiresGrad;
        return fresh;
      });
      // seen through a view, an input is a result like any other, whose gradients are added where they are made
      const result = withRecording(true, () => gpu.scope(() => fn(...again.map((input) => input.reshape(input.shape)))));
      if (result.node === undefined) return again.map(() => undefined);
      backward(result, dy);
      return again.map((input) => input.grad && gpu.adopt(input.grad));
    },
    inputs,
  );
  return y;
}
