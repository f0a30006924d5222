import { accumulate, copy, sum } from './arithmetic.ts';
import type { Context } from './context.ts';
import { ContextError, DTypeError, FirstlightError, ShapeError } from './errors.ts';
import { isRecording, noGrad, recordNode, repeat, TapeNode, withRecording } from './node.ts';
import { type AnyTensor, sameShape, Tensor } from './tensor.ts';

/**
 * What reached the parents of an operation before it in this backward pass. A pull that can add it in the kernel that
 * makes its own gradient takes it, and then returns the sum; what is not taken the tape adds in a dispatch of its own.
 */
export interface SoFar {
  /**
   * The gradient so far of a parent, by its number, to be read; undefined if there is none, or if it is stored in
   * another way than the parent.
   */
  take(parent: number): Tensor | undefined;
  /** The same if nobody else uses its memory: the pull may add to it in place, and returns it. */
  takeOwn(parent: number): Tensor | undefined;
  /** The graph goes through no other backward pass, so the pull may overwrite what the operation saved for itself. */
  readonly isLast: boolean;
}

/** From the gradient of a result to the gradients of its parents, in their order; `undefined` where none is needed. */
export type Pull = (dy: Tensor, soFar: SoFar) => readonly (Tensor | undefined)[];

/** An operation on tensors. */
type Operation = TapeNode<AnyTensor, Pull>;

/**
 * Puts an operation on the tape: `y` was computed from `parents`, and `pull` takes dLoss/dy to the parents' gradients.
 *
 * @param saved tensors that `pull` reads; they are kept until it ran, and must not be written to before. All parents
 * unless said otherwise.
 */
export function record<T extends AnyTensor>(y: T, parents: readonly AnyTensor[], pull: Pull,
  saved: readonly AnyTensor[] = parents): T {
  if (parents.includes(y) || y.node !== undefined) {
    throw new FirstlightError('FL_GRAPH',
      `the result of an operation, ${nameOf(y)}, is ${parents.includes(y) ? 'one of its parents' : 'recorded already'}`,
      {}, 'return a tensor of its own: y = x.like(), or x.alias() for the same memory');
  }
  return recordNode(y, parents, pull, saved);
}

export interface BackwardOptions {
  /** Keeps what the graph saved, so that its gradient can be taken again. */
  readonly retainGraph?: boolean;
}

/**
 * Reverse-mode differentiation: adds dLoss/dp to `p.grad` of every parameter p that `loss` was computed from.
 * Operations are walked by falling serial number, so each result has all of its gradient before it is passed on.
 *
 * @param loss one element, unless `seed` is given  @param seed dLoss/dloss, of the shape of `loss`; 1 if omitted
 * @param options `retainGraph`: what the graph saved stays, and `backward` may be called again, until the results are
 * freed
 */
export function backward(loss: Tensor, seed?: Tensor, { retainGraph = false }: BackwardOptions = {}): void {
  if (loss.node === undefined) {
    throw new ShapeError('backward', 'nothing was recorded for this tensor',
      'compute it from a parameter (requiresGrad), outside noGrad');
  }
  if (seed === undefined && loss.size !== 1) {
    throw new ShapeError('backward', `the loss must have one element, got [${loss.shape}]`,
      'pass the gradient of the result as the second argument');
  }
  if (seed !== undefined && !sameShape(seed.shape, loss.shape)) {
    throw new ShapeError('backward',
      `the gradient of the result must be [${loss.shape}], as the result is, got [${seed.shape}]`);
  }
  const { gpu } = loss;
  const root = loss.node as Operation;
  const nodes = reachable(root);
  for (const node of nodes) node.reference(); // nobody may drop a node of this walk before its turn
  const totals = new Totals(gpu);
  try {
    noGrad(() => {
      gpu.scope(() => totals.add(root, seed ?? ones(gpu, loss.shape)));
      for (const node of nodes) {
        gpu.scope(() => {
          const dy = totals.remove(node);
          if (dy !== undefined) pass(node, gpu.adopt(dy), totals, !retainGraph);
        });
        if (!retainGraph) node.consume();
      }
    });
  } finally {
    // after an error too: what was saved is given back, and the graph cannot be used again
    totals.dispose();
    for (const node of nodes) {
      if (!retainGraph) node.consume();
      node.release();
    }
  }
}

/** Passes the gradient of one operation on to its parents. Runs in a scope, which frees what its pull made. */
function pass(node: Operation, dy: Tensor, totals: Totals, isLast: boolean): void {
  const { parents, pull } = node;
  const taken = new Set<number>();
  const soFar = (parent: number): Tensor | undefined => {
    const { node: made, requiresGrad, dtype } = parents[parent];
    const total = made !== undefined && requiresGrad ? totals.of(made as Operation) : undefined;
    return total?.dtype === dtype ? total : undefined;
  };
  const take = (parent: number): Tensor | undefined => {
    const total = soFar(parent);
    if (total === undefined) return undefined;
    taken.add(parent);
    totals.remove(parents[parent].node as Operation);
    return dy.gpu.adopt(total);
  };
  const gradients = pull(dy, { take, isLast,
    takeOwn: (parent) => (soFar(parent)?.storage.refs === 1 ? take(parent) : undefined) });
  if (gradients.length !== parents.length) {
    throw new ShapeError('backward',
      `an operation has ${parents.length} parents (${
        parents.map(nameOf).join(', ')
      }), its pull returned ${gradients.length} gradients`,
      'return one for each parent, in their order; undefined where none is needed');
  }
  // what lies in its place already comes first: the rest is added to it
  const isInPlace = (i: number) => gradients[i] !== undefined && parents[i].gradSlot?.isHere(gradients[i]) === true;
  for (const i of [...parents.keys()].sort((a, b) => Number(isInPlace(b)) - Number(isInPlace(a)))) {
    const [parent, gradient] = [parents[i], gradients[i]];
    if (gradient === undefined) {
      if (taken.has(i)) {
        throw new FirstlightError('FL_GRADIENT_LOST',
          `an operation took what its parent ${i} had so far and returned no gradient for it`, {},
          'return the sum, or do not take it');
      }
      continue;
    }
    if (!parent.requiresGrad) continue;
    checkGradient(gradient, parent, i);
    if (parent.node === undefined) deposit(parent as Tensor, gradient);
    else totals.add(parent.node as Operation, gradient);
  }
}

/**
 * What each result of a walk got so far: `total += gradient`. The totals are handles of their own, which no scope
 * frees.
 */
class Totals {
  readonly #gpu: Context;
  readonly #totals = new Map<Operation, Tensor>();

  constructor(gpu: Context) {
    this.#gpu = gpu;
  }

  of(node: Operation): Tensor | undefined {
    return this.#totals.get(node);
  }

  /** Hands the total of a result over. */
  remove(node: Operation): Tensor | undefined {
    const total = this.#totals.get(node);
    this.#totals.delete(node);
    return total;
  }

  add(node: Operation, gradient: Tensor): void {
    const before = this.#totals.get(node);
    this.#totals.set(node, this.#gpu.keep(before === undefined ? gradient.alias() : added(before, gradient)));
    before?.dispose();
  }

  dispose(): void {
    for (const total of this.#totals.values()) total.dispose();
  }
}

/** a + b as a new tensor; f32 if one of them is. */
function added(a: Tensor, b: Tensor): Tensor {
  if (a.dtype === b.dtype) return sum(a, b);
  const total = a.wide(a.shape, `d ${a.label}`);
  copy(a, total);
  accumulate(total, b);
  return total;
}

/** All operations below `from`, latest first. */
function reachable(from: Operation): Operation[] {
  const seen = new Set<Operation>([from]);
  for (const node of seen) {
    for (const parent of node.parents) if (parent.node !== undefined) seen.add(parent.node as Operation);
  }
  return [...seen].sort((a, b) => b.serial - a.serial);
}

/** Adds `gradient` to a parameter's `grad`. */
function deposit(parameter: Tensor, gradient: Tensor): void {
  if (parameter.gradSlot !== undefined) return parameter.gradSlot.add(gradient);
  const before = parameter.grad;
  if (before === undefined) {
    // what its pull did not make belongs to somebody, who may write to it
    const isFree = parameter.gpu.isInScope(gradient) && isUnshared(gradient) && gradient.dtype === parameter.gradType;
    parameter.grad = parameter.gpu.keep(isFree ? gradient.alias() : copied(gradient, parameter));
  } else if (isUnshared(before)) {
    accumulate(before, gradient);
  } else {
    parameter.grad = parameter.gpu.keep(added(before, gradient));
    before.dispose();
  }
}

/** No other tensor looks at its memory. */
function isUnshared({ storage }: Tensor): boolean {
  return storage.refs === 1;
}

/** A gradient in memory of its own, as its parameter wants it stored. */
function copied(gradient: Tensor, parameter: Tensor): Tensor {
  const own = Tensor.empty(parameter.gpu, parameter.shape, parameter.gradType, `d ${parameter.label}`);
  copy(gradient, own);
  return own;
}

function checkGradient(gradient: Tensor, parent: AnyTensor, number: number): void {
  const what = `the gradient of parent ${number}, ${nameOf(parent)},`;
  if (!(gradient instanceof Tensor)) {
    throw new ShapeError('backward', `${what} is no tensor`, 'a pull returns one tensor for each parent, or undefined');
  }
  if (gradient.gpu !== parent.gpu) throw new ContextError('backward', what);
  if (!sameShape(gradient.shape, parent.shape)) {
    throw new ShapeError('backward', `${what} is [${gradient.shape}]`,
      'a gradient has the shape of what it belongs to: correct the pull, or reshape() its result');
  }
  const type: string = gradient.dtype;
  if (type !== 'f32' && type !== 'f16') throw new DTypeError('backward', what, 'f32 or f16', type);
}

function nameOf({ label, shape }: AnyTensor): string {
  return `"${label}" [${shape}]`;
}

const one = new WeakMap<Context, Tensor>();

/** The gradient of a loss with respect to itself. */
export function ones(gpu: Context, shape: readonly number[]): Tensor {
  let scalar = one.get(gpu);
  if (scalar === undefined) one.set(gpu, scalar = gpu.keep(Tensor.from(gpu, Float32Array.of(1), [], 'one')));
  return scalar.alias(shape);
}

/**
 * Runs `fn` without keeping what it computes on the way, and runs it again when its gradient is wanted: activations for
 * time. Chen et al. 2016, arXiv:1604.06174. Random numbers are counter-based, so both runs draw the same.
 */
export function recompute(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  if (inputs.length === 0) {
    throw new ShapeError('recompute', 'no inputs were given',
      'pass the tensors that the result is computed from: recompute(fn, x)');
  }
  const { gpu } = inputs[0];
  const y = noGrad(() =>
    gpu.scope(() => {
      const result = fn(...inputs);
      // what was there before is no result that the tape could mark
      return gpu.isInScope(result) ? result : result.alias();
    })
  );
  if (!isRecording()) return y;
  const pull: Pull = (dy) => {
    const again = inputs.map((input) => {
      const fresh = input.detach();
      fresh.requiresGrad = input.requiresGrad;
      return fresh;
    });
    // seen through a view, an input is a result like any other, whose gradients are added where they are made
    const result = withRecording(true,
      () => repeat(() => gpu.scope(() => fn(...again.map((input) => input.reshape(input.shape))))));
    if (result.node === undefined) return again.map(() => undefined);
    backward(result, dy);
    return again.map((input) => input.grad && gpu.adopt(input.grad));
  };
  y.requiresGrad = true;
  y.node = new TapeNode<AnyTensor, Pull>(inputs, pull, inputs);
  return y;
}
