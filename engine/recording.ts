import { accesses, type Command, storagesOf } from './command.ts';
import { formatBytes } from './errors.ts';
import type { Lifetime } from './plan.ts';
import { Storage } from './storage.ts';

/** Commands of a step in place of their execution, with memory that is only counted. */
export class Recording {
  readonly commands: Command[] = [];
  /** The recording will never run: writes from the host go nowhere. */
  readonly isEstimate: boolean;
  readonly #own = new Set<Storage>();
  /** Storages that a captured step within this recording made, and the command that it begins with. */
  readonly inStep = new Set<Storage>();
  stepBegins: number | undefined;
  #isInStep = false;
  readonly #outside = new Set<Storage>();

  constructor({ isEstimate = false } = {}) {
    this.isEstimate = isEstimate;
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

  /** Storages made before the recording that it uses; it holds them until they are released. */
  get outside(): ReadonlySet<Storage> {
    return this.#outside;
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
    return [...this.#own].sort((a, b) => b.bytes - a.bytes).slice(0, count).map(({ label, bytes }) => `${label} ${formatBytes(bytes)}`);
  }

  get dispatches(): number {
    return this.commands.filter(({ kind }) => kind === 'dispatch').length;
  }

  /** Storages made in the recording that commands use or tensors still hold. */
  storages(): Storage[] {
    const used = new Set(this.commands.flatMap(storagesOf));
    return [...this.#own].filter((storage) => used.has(storage) || storage.refs > 0);
  }

  /**
   * When each of some storages is in use, and what it must be apart from. What tensors hold at the end is in use up to the end, and, as the
   * step repeats, from the start.
   */
  lifetimes(storages: readonly Storage[], { heldSince = 'start' }: { heldSince?: 'start' | 'first use' } = {}): Lifetime[] {
    const number = new Map(storages.map((storage, i) => [storage, i]));
    const lifetimes = storages.map(({ bytes, refs }) => {
      const isHeld = refs > 0;
      return { bytes, first: isHeld && heldSince === 'start' ? 0 : Number.POSITIVE_INFINITY, last: isHeld ? this.commands.length : 0 };
    });
    const apart = storages.map(() => new Set<number>());
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
          if (i === undefined || j === undefined || i === j) continue;
          apart[i].add(j);
          apart[j].add(i);
        }
      }
    });
    // what no command used, such as a tensor that only the host writes, is there from the start
    return lifetimes.map(({ bytes, first, last }, i) => ({ bytes, first: Number.isFinite(first) ? first : 0, last, apart: apart[i] }));
  }
}
