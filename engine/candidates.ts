import { FirstlightError } from './errors.ts';
import { isObject, parseJson } from './json.ts';
import { type Machine, untunable } from './machine.ts';

/**
 * Numbers that a way to run a kernel fixes beside its variant: rows of a tile, lanes of a workgroup. The launcher knows
 * what they mean.
 */
export type Sizes = Readonly<Record<string, number>>;

/** One way to run a kernel: a variant, with its sizes. */
export interface Candidate {
  readonly variant: string;
  readonly sizes: Sizes;
}

/** What the time of a call depends on, by name: rows, columns, what is transposed. */
export type Extents = Readonly<Record<string, number | boolean>>;

/** A candidate that was measured to be the best for a class of calls. */
export interface TunedCandidate extends Candidate {
  /** Time of the default over that of the candidate, measured in turns. */
  readonly gain: number;
}

/** What `npm run tune` found on a machine. */
export interface Tuning extends Machine {
  /** By kernel: the fingerprint of the WGSL that was measured, and the best candidate by class of calls. */
  readonly kernels: Readonly<
    Record<string, { readonly source: string; readonly candidates: Readonly<Record<string, TunedCandidate>> }>
  >;
}

/** The candidate that was chosen for a class of calls of a kernel, and those that there were. */
export interface Asked {
  readonly kernel: string;
  readonly fingerprint: string;
  readonly callClass: string;
  /** The default first. */
  readonly candidates: readonly Candidate[];
  readonly chosen: Candidate;
}

/** What choosing asks of a kernel. */
interface Chooser {
  readonly name: string;
  readonly fingerprint: string;
}

/**
 * The class of a call: numbers are rounded up to a power of two, and what is false is left out: `rows 512, inner 1024,
 * transposeB`.
 */
export function classOf(extents: Extents): string {
  const words = Object.entries(extents).map((
    [name, value],
  ) => (typeof value === 'number' ? `${name} ${2 ** Math.ceil(Math.log2(value))}` : value ? name : ''));
  return words.filter((word) => word !== '').join(', ') || 'all';
}

/** The same variant and the same sizes. */
export function sameCandidate(a: Candidate, b: Candidate): boolean {
  const names = Object.keys(a.sizes);
  return a.variant === b.variant && names.length === Object.keys(b.sizes).length
    && names.every((name) => a.sizes[name] === b.sizes[name]);
}

/** For people: `subgroup, senders 8`. */
export function candidateText({ variant, sizes }: Candidate): string {
  return [variant, ...Object.entries(sizes).map(([name, value]) => `${name} ${value}`)].join(', ');
}

/**
 * Chooses the candidates of one context. What is chosen depends on shapes and the tuning alone, never on the clock, so
 * that runs repeat bit for bit.
 */
export class Candidates {
  readonly machine: Machine;
  readonly #tuning: Tuning | undefined;
  /** By kernel, or kernel and class: what tests, the benchmark and the tuner want to see run. */
  readonly #preferred = new Map<string, Candidate>();
  readonly #asked = new Map<string, Asked>();
  readonly #stale = new Set<string>();
  #isTuned = true;

  constructor(machine: Machine, tuning?: Tuning) {
    const why = tuning && untunable(machine);
    if (why !== undefined) {
      throw new FirstlightError('FL_TUNING', why, { ...machine }, 'open the context without a tuning');
    }
    const differs = tuning && (['adapter', 'driver', 'dawn'] as const).find((key) => tuning[key] !== machine[key]);
    if (tuning !== undefined && differs !== undefined) {
      throw new FirstlightError('FL_TUNING',
        `the tuning is of ${differs} "${tuning[differs]}", this machine has "${machine[differs]}"`, { ...machine },
        'measure this machine: npm run tune');
    }
    this.machine = machine;
    this.#tuning = tuning;
  }

  /**
   * From now on, calls of this kernel (of one class, or of all classes without a candidate of their own) are run so.
   */
  prefer(kernel: string, candidate: Candidate, callClass?: string): void {
    this.#preferred.set(keyOf(kernel, callClass), candidate);
  }

  /**
   * What `work` runs, it runs untuned: a tuning may take another candidate for more rows, and this one's sums may be
   * added in another order.
   */
  untuned<T>(work: () => T): T {
    const before = this.#isTuned;
    this.#isTuned = false;
    try {
      return work();
    } finally {
      this.#isTuned = before;
    }
  }

  /** Forgets what was preferred. */
  clear(): void {
    this.#preferred.clear();
  }

  /** The candidate for a call, noted in `asked` where there was more than one. */
  choose(kernel: Chooser, candidates: readonly Candidate[], extents: Extents): Candidate {
    if (candidates.length === 1) return candidates[0];
    const callClass = classOf(extents);
    const key = keyOf(kernel.name, callClass);
    const chosen = this.#preferred.get(key) ?? this.#preferred.get(kernel.name)
      ?? this.#tuned(kernel, candidates, callClass) ?? candidates[0];
    this.#asked.set(key, { kernel: kernel.name, fingerprint: kernel.fingerprint, callClass, candidates, chosen });
    return chosen;
  }

  /**
   * The tuned one among the candidates, which tests have checked; what a file names beside them is as stale as another
   * source.
   */
  #tuned({ name, fingerprint }: Chooser, candidates: readonly Candidate[], callClass: string): Candidate | undefined {
    const entry = this.#isTuned ? this.#tuning?.kernels[name] : undefined;
    const wanted = entry?.candidates[callClass];
    if (entry === undefined || wanted === undefined) return undefined;
    const found = entry.source === fingerprint
      ? candidates.find((candidate) => sameCandidate(candidate, wanted))
      : undefined;
    if (found === undefined && !this.#stale.has(name)) {
      if (this.#stale.size === 0) {
        console.warn(
          `firstlight: ${name} has changed since it was tuned and runs untuned; npm run tune measures it again`,
        );
      }
      this.#stale.add(name);
    }
    return found;
  }

  /** What was chosen since the last `forget`, the latest of each class. */
  get asked(): readonly Asked[] {
    return [...this.#asked.values()];
  }

  forget(): void {
    this.#asked.clear();
  }

  /** The same for people and reports: `matmul.vec4: rows 512` → `subgroup, senders 8`. */
  get used(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.#asked].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, { chosen }]) => [key, candidateText(chosen)]),
    );
  }

  /** Kernels whose source is not the one that was tuned. */
  get stale(): readonly string[] {
    return [...this.#stale];
  }
}

function keyOf(kernel: string, callClass: string | undefined): string {
  return callClass === undefined ? kernel : `${kernel}: ${callClass}`;
}

/** Reads what `npm run tune` wrote, a tuning for each machine; `file` is what errors name. */
export function parseTunings(text: string, file: string): readonly Tuning[] {
  const refuse = (what: string): never => {
    throw new FirstlightError('FL_TUNING', `${file}: ${what}`, { file }, 'write it anew: npm run tune');
  };
  let tunings: unknown;
  try {
    tunings = parseJson(text);
  } catch (error) {
    return refuse(`not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(tunings)) return refuse('not a list');
  for (const tuning of tunings as unknown[]) {
    const fault = faultOf(tuning);
    if (fault !== undefined) refuse(fault);
  }
  return tunings as Tuning[];
}

/** What is wrong with a value that should be a tuning. */
function faultOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'a tuning is no object';
  const missing = ['adapter', 'driver', 'dawn'].find((key) => typeof value[key] !== 'string');
  if (missing !== undefined) return `"${missing}" is not a string`;
  const why = untunable(value as unknown as Machine);
  if (why !== undefined) return why;
  if (!isObject(value.kernels)) return '"kernels" is not an object';
  for (const [kernel, entry] of Object.entries(value.kernels)) {
    if (!isObject(entry) || typeof entry.source !== 'string' || !isObject(entry.candidates)) {
      return `${kernel} has no "source" and "candidates"`;
    }
    const wrong = Object.entries(entry.candidates).find(([, candidate]) => {
      const isCandidate = isObject(candidate) && typeof candidate.variant === 'string' && isObject(candidate.sizes)
        && Object.values(candidate.sizes).every(Number.isFinite) && Number.isFinite(candidate.gain);
      return !isCandidate;
    });
    if (wrong !== undefined) return `${kernel}, ${wrong[0]}: not a variant, sizes and a gain`;
  }
  return undefined;
}
