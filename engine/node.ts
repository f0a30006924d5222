import { FirstlightError } from './errors.ts';

/** What the tape asks of a tensor. */
export interface Recordable {
  requiresGrad: boolean;
  node: TapeNode | undefined;
  hold(): Hold;
}

/** A tensor that an operation saved for its gradient. */
export interface Hold {
  /** Label and shape, for errors. */
  readonly what: string;
  /** Something wrote to its memory since: the gradient would be wrong. */
  readonly isOverwritten: boolean;
  release(): void;
}

let recording = true;
let nextSerial = 1;

/** Whether operations are being recorded. */
export function isRecording(): boolean {
  return recording;
}

/** Runs `fn` without recording: no gradient, nothing kept. */
export function noGrad<T>(fn: () => T): T {
  return withRecording(false, fn);
}

export function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new TypeError(
        'noGrad and recompute take synchronous functions: what runs after an await would be recorded',
      );
    }
    return result;
  } finally {
    recording = before;
  }
}

let repeating = false;

/**
 * Whether `recompute` goes through a forward pass again: it must make what it made, and leave what the first pass left,
 * such as running statistics, as it is.
 */
export function isRepeating(): boolean {
  return repeating;
}

/** Goes through a forward pass again. */
export function repeat<T>(fn: () => T): T {
  const before = repeating;
  repeating = true;
  try {
    return fn();
  } finally {
    repeating = before;
  }
}

/**
 * One recorded operation: what it was computed from, and how gradients pass through it. It lives as long as its result
 * does, or an operation computed from it: `references` counts both, so a graph whose loss is dropped gives back what it
 * saved, without a backward pass and without the garbage collector.
 */
export class TapeNode<P extends Recordable = Recordable, Pull = unknown> {
  readonly serial = nextSerial++;
  readonly parents: readonly P[];
  #references = 1;
  #pull: Pull | undefined;
  readonly #saved: readonly Hold[];

  constructor(parents: readonly P[], pull: Pull, saved: readonly Recordable[]) {
    this.parents = parents;
    this.#pull = pull;
    this.#saved = saved.map((tensor) => tensor.hold());
    for (const parent of parents) parent.node?.reference();
  }

  /** The gradient of the operation, which can be taken once. */
  get pull(): Pull {
    if (this.#pull === undefined) {
      throw new FirstlightError('FL_GRAPH_CONSUMED', 'this graph went through a backward pass already', {},
        'compute the loss again before the next backward()');
    }
    const overwritten = this.#saved.find(({ isOverwritten }) => isOverwritten);
    if (overwritten !== undefined) {
      throw new FirstlightError('FL_OVERWRITTEN',
        `${overwritten.what} was overwritten after the forward pass that saved it, so its gradient would be wrong`, {},
        'write to tensors, and step the optimiser, after backward()');
    }
    return this.#pull;
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

  /** Gives back what was saved: its gradient was taken, or will never be. */
  consume(): void {
    if (this.#pull === undefined) return;
    for (const node of this.#drop()) node.release();
  }

  #drop(): TapeNode[] {
    this.#pull = undefined;
    for (const hold of this.#saved) hold.release();
    return this.parents.flatMap((parent) => parent.node ?? []);
  }
}

/** Puts an operation on the tape, if it is recording and a gradient flows through: `tape.ts` says what `pull` does. */
export function recordNode<Y extends Recordable>(y: Y, parents: readonly Recordable[], pull: unknown,
  saved: readonly Recordable[]): Y {
  if (!recording || !parents.some((parent) => parent.requiresGrad)) return y;
  y.requiresGrad = true;
  y.node = new TapeNode(parents, pull, saved);
  return y;
}
