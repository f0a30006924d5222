/** A slow integrated GPU: what it moves and computes in a second. */
const SLOW_GPU = { bytes: 10e9, flops: 50e9 };

/**
 * Work of a command, in seconds of a slow integrated GPU: what is bound is moved once, and what is to be computed is
 * computed.
 */
export function workOf(bytes: number, flops = 0): number {
  return bytes / SLOW_GPU.bytes + flops / SLOW_GPU.flops;
}

/**
 * Seconds for a second of work, before anything was measured. A software adapter takes longer: SwiftShader up to 200
 * times.
 */
const ASSUMED = { software: 25, hardware: 1 };
/** Seconds that one submit should take at most: systems take a GPU away from what keeps it busy for two. */
const SUBMIT_SECONDS = 0.5;

/**
 * The GPU is thought to hang after so many seconds at least; after more while programs run for the first time, which
 * drivers then compile.
 */
const LEAST_SECONDS = 60;
const FIRST_SECONDS = 600;
/** … after so many times of what such work takes as a rule, and of the longest wait that ended. */
const TIMES_THE_MEDIAN = 20;
const TIMES_THE_LONGEST = 2;

/**
 * Waits that the rule is taken from. Less work than SMALL ends as soon as the GPU answers, and tells nothing of its
 * speed.
 */
const WAITS = 31;
const SMALL = 0.05;
/** Submits that are told apart; the oldest of more are taken as one. */
const SUBMITS = 256;
/** Submits that an error names. */
const NAMED = 4;

interface Submit {
  /** From 1. */
  readonly number: number;
  /** Its last dispatch. */
  readonly last: string;
  readonly work: number;
  /** Programs that there were by then. */
  readonly programs: number;
  readonly time: number;
}

/**
 * What was submitted and is not known to be done, and how long such work takes on this machine. Times are milliseconds,
 * as `performance.now` gives them.
 */
export class Pace {
  readonly #kind: keyof typeof ASSUMED;
  #pending: Submit[] = [];
  #submits = 0;
  #done = 0;
  /** Programs that ran to their end. */
  #programs = 0;
  #idleSince = 0;
  readonly #waits: { readonly seconds: number; readonly work: number }[] = [];
  #longest = 0;

  constructor(kind: keyof typeof ASSUMED) {
    this.#kind = kind;
  }

  /**
   * Work was submitted.
   *
   * @param last its last dispatch, for errors  @param programs how many were compiled so far
   */
  submitted(last: string, work: number, programs: number, now = performance.now()): void {
    this.#pending.push({ number: ++this.#submits, last, work, programs, time: now });
    if (this.#pending.length <= SUBMITS) return;
    const [first, second] = this.#pending.splice(0, 2);
    this.#pending.unshift({ ...second, work: first.work + second.work, time: first.time });
  }

  /** Submits so far. */
  get submits(): number {
    return this.#submits;
  }

  /** Whether submits are pending. */
  get isBusy(): boolean {
    return this.#pending.length > 0;
  }

  /** A wait that began at `since` ended: the first `submits` are done. */
  finished(submits: number, since: number, now = performance.now()): void {
    const done = this.#pending.filter(({ number }) => number <= submits);
    const last = done.at(-1);
    if (last === undefined) return;
    this.#pending = this.#pending.slice(done.length);
    this.#done = last.number;
    this.#programs = last.programs;
    this.#waits.push({ seconds: (now - Math.max(this.#idleSince, done[0].time)) / 1000, work: total(done) });
    if (this.#waits.length > WAITS) this.#waits.shift();
    this.#longest = Math.max(this.#longest, (now - since) / 1000);
    this.#idleSince = now;
  }

  /** Work that one submit may hold. Nobody takes a software adapter away. */
  get workPerSubmit(): number {
    if (this.#kind === 'software') return Number.POSITIVE_INFINITY;
    const rates = this.#waits.filter(({ work }) => work >= SMALL).map(({ seconds, work }) => seconds / work);
    return SUBMIT_SECONDS / (median(rates) ?? ASSUMED[this.#kind]);
  }

  /** Seconds after which what is pending is thought never to end. */
  get patience(): number {
    const work = Math.max(SMALL, total(this.#pending));
    const rate = median(this.#waits.map((wait) => wait.seconds / Math.max(SMALL, wait.work)));
    const known = Math.max(LEAST_SECONDS, TIMES_THE_MEDIAN * (rate ?? 0) * work, TIMES_THE_LONGEST * this.#longest);
    const isFirst = rate === undefined || this.#pending.some(({ programs }) => programs > this.#programs);
    return isFirst ? Math.max(FIRST_SECONDS, TIMES_THE_MEDIAN * ASSUMED[this.#kind] * work, known) : known;
  }

  /** How many submits are pending, and the last dispatch of each, oldest first; of many, those at both ends. */
  get pending(): { readonly submits: number; readonly last: readonly string[] } {
    const names = this.#pending.map(({ last }) => last);
    return { submits: this.#submits - this.#done,
      last: names.length <= NAMED ? names : [...names.slice(0, NAMED - 1), '…', names[names.length - 1]] };
  }
}

function total(submits: readonly Submit[]): number {
  return submits.reduce((sum, { work }) => sum + work, 0);
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
