// @ts-check
/** What native code writes to stderr, without what it says at every start and nobody can act on. */

/** Dawn lowers two limits that no kernel comes near, on every adapter that reports them without a bound. */
const NOISE =
  /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.\r?$/;

/** How long a line of noise can be: what is longer is passed on at once. */
const LONGEST = 200;

/**
 * Passes on bytes, whole lines of noise left out. Nothing waits that cannot become noise, so that a prompt or half a
 * line is seen at once.
 */
export class WithoutNoise {
  /** @type {(text: string) => void} */
  #pass;
  #held = '';
  /** Whether what comes next begins a line. */
  #atStart = true;

  /** @param {(text: string) => void} pass */
  constructor(pass) {
    this.#pass = pass;
  }

  /** @param {string} text */
  push(text) {
    const lines = (this.#held + text).split(/(?<=\n)/);
    this.#held = '';
    let out = '';
    for (const line of lines) {
      const isWhole = line.endsWith('\n');
      if (!isWhole && this.#atStart && canBecomeNoise(line)) {
        this.#held = line;
        break;
      }
      if (!(isWhole && this.#atStart && NOISE.test(line.slice(0, -1)))) out += line;
      this.#atStart = isWhole;
    }
    if (out !== '') this.#pass(out);
  }

  /** No more will come. */
  end() {
    if (this.#held !== '') this.#pass(this.#held);
    this.#held = '';
  }
}

/** @param {string} start of a line */
function canBecomeNoise(start) {
  const known = 'Warning: maxDynamic';
  return start.length < LONGEST && (start.startsWith(known) || known.startsWith(start)) && start !== '';
}
