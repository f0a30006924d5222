import { accesses, type Command, storagesOf, writesOf, type WrittenStretch } from './command.ts';
import { formatBytes } from './errors.ts';
import type { Handle } from './handle.ts';
import type { Lifetime } from './plan.ts';
import { Storage } from './storage.ts';
import { TextureSlots } from './textures.ts';

/** A tensor, as far as a recording looks at it. */
interface Differentiable extends Handle {
  grad: Handle | undefined;
}

/** A call of the host's within a step. */
export interface HostCall {
  /** Commands that are submitted before it. */
  readonly behind: number;
  call(): void;
}

/**
 * Commands of a step in place of their execution, with memory that is only counted. What the step does meanwhile to
 * tensors that were there before can be taken back, so that going through a step leaves no trace.
 */
export class Recording {
  readonly commands: Command[] = [];
  /** What every run calls on its way, in the order of the commands. */
  readonly calls: HostCall[] = [];
  /** The recording will never run: writes from the host go nowhere. */
  readonly isEstimate: boolean;
  /**
   * Memory that may be used though its tensors were disposed of: the step was recorded with it before, and keeps it.
   */
  readonly lent: ReadonlySet<Storage>;
  /** What every run fills before its first command: the inputs. */
  readonly inputs = new Set<Storage>();
  /** What is packed into textures meanwhile: at the beginning, nothing is. */
  readonly textures = new TextureSlots({ keeps: true });
  readonly #own = new Set<Storage>();
  /** Storages that a captured step within this recording made, and the command that it begins with. */
  readonly inStep = new Set<Storage>();
  stepBegins: number | undefined;
  #isInStep = false;
  readonly #outside = new Set<Storage>();
  /** Commands recorded by the time the last tensor on a storage was disposed of. */
  readonly #droppedAt = new Map<Storage, number>();

  readonly #made = new WeakSet<Handle>();
  readonly #alive = new Set<Handle>();
  readonly #disposed: Handle[] = [];
  /** The gradients that were there when a tensor was first looked at. */
  readonly #found = new Map<Differentiable, Handle | undefined>();
  readonly #undo: (() => void)[] = [];

  constructor(
    { isEstimate = false, lent = new Set<Storage>() }: { isEstimate?: boolean; lent?: ReadonlySet<Storage> } = {},
  ) {
    this.isEstimate = isEstimate;
    this.lent = lent;
  }

  append(command: Command): void {
    for (const storage of storagesOf(command)) {
      if (this.#own.has(storage) || this.#outside.has(storage)) continue;
      // what the step reads must outlive it
      storage.refs++;
      this.#outside.add(storage);
    }
    this.commands.push(command);
  }

  take(bytes: number, label: string): Storage {
    const storage = new Storage(bytes, { isPlanned: true });
    storage.refs = 1;
    storage.bytes = bytes;
    storage.label = label;
    this.#own.add(storage);
    if (this.#isInStep) this.inStep.add(storage);
    return storage;
  }

  /** Storages made before the recording that it uses; it holds them until `release`. */
  get outside(): ReadonlySet<Storage> {
    return this.#outside;
  }

  owns(storage: Storage): boolean {
    return this.#own.has(storage);
  }

  // ------------------------------------------------------------------------------------------------ what the host does
  //  meanwhile

  noteMade(handle: Handle): void {
    this.#made.add(handle);
    this.#alive.add(handle);
  }

  /** Whether a handle was made in this recording. */
  isNew(handle: Handle): boolean {
    return this.#made.has(handle);
  }

  /** Handles that were made in the recording and not disposed of. */
  get alive(): Iterable<Handle> {
    return this.#alive;
  }

  /**
   * @returns whether the disposal is put off, because the handle was there before: it is listed, and `takeBack` calls
   * `revive`
   */
  noteDisposal(handle: Handle, revive: () => void): boolean {
    this.#alive.delete(handle);
    if (this.isNew(handle)) return false;
    this.#disposed.push(handle);
    this.#undo.push(revive);
    return true;
  }

  /** Handles from before that were disposed of, had it been done. */
  get disposed(): readonly Handle[] {
    return this.#disposed;
  }

  /** Told whenever the gradient of a tensor is looked at or changed. @param gradient as it is before */
  noteGradient(tensor: Differentiable, gradient: Handle | undefined): void {
    if (!this.#found.has(tensor)) this.#found.set(tensor, gradient);
  }

  /** Tensors whose gradients were looked at, and what was found. */
  get found(): ReadonlyMap<Differentiable, Handle | undefined> {
    return this.#found;
  }

  noteChange(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Makes all that was there before what it was. To be called when nothing is being recorded. */
  takeBack(): void {
    for (const [tensor, gradient] of this.#found) tensor.grad = gradient;
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  /** Gives back what it holds and what was made in it. @param drop takes one tensor less from a storage */
  release(drop: (storage: Storage) => void): void {
    this.textures.clear();
    for (const handle of [...this.#alive]) handle.dispose();
    this.#alive.clear();
    for (const storage of this.#outside) drop(storage);
    this.#outside.clear();
  }

  // ------------------------------------------------------------------------------------------------ memory

  /** Told when no tensor looks at a storage any more. */
  noteDrop(storage: Storage): void {
    if (this.#own.has(storage)) this.#droppedAt.set(storage, this.commands.length);
  }

  /** Goes through a captured step that is part of this recording. */
  step<T>(run: () => T): T {
    const before = this.#isInStep;
    this.stepBegins ??= this.commands.length;
    this.#isInStep = true;
    try {
      return run();
    } finally {
      this.#isInStep = before;
    }
  }

  /** Labels and sizes of the largest tensors. */
  largest(count: number): string[] {
    return [...this.#own].sort((a, b) => b.bytes - a.bytes).slice(0, count).map(({ label, bytes }) =>
      `${label} ${formatBytes(bytes)}`
    );
  }

  get dispatches(): number {
    return this.commands.filter(({ kind }) => kind === 'dispatch').length;
  }

  /** One of `storages` that a command writes to, from command `begin` on. */
  writtenSince(begin: number, storages: ReadonlySet<Storage>): Storage | undefined {
    for (const command of this.commands.slice(begin)) {
      for (const { storage } of writesOf(command)) if (storages.has(storage)) return storage;
    }
    return undefined;
  }

  /**
   * Stretches that a replay writes to and that others may look at: what was there before, and what tensors still hold.
   * Each once.
   */
  visibleWrites(): WrittenStretch[] {
    const stretches = new Map<string, WrittenStretch>();
    for (const { storage, offset, bytes } of this.commands.flatMap(writesOf)) {
      if (this.#own.has(storage) && storage.refs === 0) continue;
      stretches.set(`${storage.id} ${offset} ${bytes}`, { storage, offset, bytes });
    }
    return [...stretches.values()];
  }

  /** Storages made in the recording that commands use or tensors still hold. */
  storages(): Storage[] {
    const used = new Set(this.commands.flatMap(storagesOf));
    return [...this.#own].filter((storage) => used.has(storage) || storage.refs > 0);
  }

  /**
   * When each of some storages is in use, and what it must be apart from. What tensors hold at the end is in use up to
   * the end, and, as the step repeats, from the start. Work that is not captured keeps the rest, too, from its first
   * use until its tensors are disposed of, not only to its last use. Inputs are in use from the start, and apart from
   * what tensors hold: a run may be given what the last one left, and no buffer can be copied into itself.
   */
  lifetimes(storages: readonly Storage[], { isCaptured = true }: { isCaptured?: boolean } = {}): Lifetime[] {
    const number = new Map(storages.map((storage, i) => [storage, i]));
    const isHeld = ({ refs }: Storage) => refs > 0;
    const lifetimes = storages.map((storage) => {
      const isFilled = this.inputs.has(storage) || (isHeld(storage) && isCaptured);
      return { bytes: storage.bytes, first: isFilled ? 0 : Number.POSITIVE_INFINITY,
        last: isHeld(storage) ? this.commands.length : isCaptured ? 0 : (this.#droppedAt.get(storage) ?? 0) - 1 };
    });
    const apart = storages.map(() => new Set<number>());
    const separate = (i: number, j: number) => {
      if (i === j) return;
      apart[i].add(j);
      apart[j].add(i);
    };
    storages.forEach((input, i) => {
      if (this.inputs.has(input)) storages.forEach((held, j) => isHeld(held) && separate(i, j));
    });
    this.commands.forEach((command, at) => {
      const { reads, writes } = accesses(command);
      for (const storage of [...reads, ...writes]) {
        const i = number.get(storage);
        if (i === undefined) continue;
        lifetimes[i].first = Math.min(lifetimes[i].first, at);
        lifetimes[i].last = Math.max(lifetimes[i].last, at);
      }
      for (const read of reads) {
        for (const write of writes) {
          const [i, j] = [number.get(read), number.get(write)];
          if (i !== undefined && j !== undefined) separate(i, j);
        }
      }
    });
    // what no command used, such as a tensor that only the host writes, is there from the start
    return lifetimes.map(({ bytes, first, last }, i) => ({ bytes, first: Number.isFinite(first) ? first : 0, last,
      apart: apart[i] })
    );
  }
}
