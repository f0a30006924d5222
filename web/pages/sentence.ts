/** What goes wrong on a page, said in one sentence: the cause, and the way out. */

/** What the engine, the worker or the browser threw; an error that came from the worker has lost its class. */
interface Thrown {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly hint?: string;
}

/** A kind of fault. Where a part is left out, the error's own words stand. */
interface Fault {
  /** What the error must have: its `code`, or, of a browser's, its `name` or what its message says. */
  readonly is: string | RegExp;
  readonly cause?: string;
  readonly wayOut?: string;
}

const KEPT = 'what was typed is kept';
const AGAIN = `run it again, which opens a new device: ${KEPT}`;

/**
 * Every fault that a page can meet, in the order in which they are looked for. Hints of the engine are for programs;
 * here is what a person on a page can do.
 */
const FAULTS: readonly Fault[] = [
  // the device
  { is: 'FL_DEVICE_LOST', wayOut: `${AGAIN}; if it stays lost, restart the browser` },
  { is: 'FL_OOM', wayOut: `close other pages that use the GPU or choose a smaller case, and run it again: ${KEPT}` },
  { is: 'FL_LIMIT', wayOut: 'choose a smaller case or another variant, or an adapter with larger limits' },
  { is: 'FL_FEATURE', wayOut: 'choose f32, or a variant that every adapter runs' },
  { is: 'FL_STEP_TIMEOUT', wayOut: `take back the last change, whose loop may never end, and run it again: ${KEPT}. `
    + 'If nothing runs any more, restart the browser' },
  { is: 'FL_STEP_NOT_EXECUTED', wayOut: AGAIN },
  { is: 'FL_GPU_VALIDATION', wayOut: `take back the last change, or run it again: ${KEPT}` },
  { is: 'FL_CLOSED', wayOut: AGAIN },
  // files that come late
  { is: 'FL_LOAD', wayOut: `look at the network and try again: ${KEPT}` },
  { is: 'FL_NETWORK', wayOut: 'look at the network and try again: what has come is kept, and so is what was typed' },
  { is: /dynamically imported module|importing a module script|preload css|^load failed$|failed to fetch/i,
    cause: 'a part of this page could not be loaded', wayOut: `look at the network and try again: ${KEPT}` },
  // what a browser keeps
  { is: 'QuotaExceededError', cause: 'the browser has no room to keep this',
    wayOut: 'free some of what this site keeps, or leave a private window; the address of the page holds the edit' },
  { is: 'SecurityError', cause: 'the browser does not let this page keep anything',
    wayOut: 'allow it to keep data, or leave a private window; the address of the page holds the edit' },
  { is: 'NotAllowedError', cause: 'the browser did not allow this', wayOut: 'allow it for this page and try again' },
];

/** The cause, and what to do about it; the second is empty where nobody knows. */
export interface Said {
  readonly cause: string;
  readonly wayOut: string;
}

/** What an error means to a person on a page. */
export function said(error: unknown): Said {
  const { name = '', message = '', code, hint = '' } = (typeof error === 'object' && error !== null
    ? error
    : { message: String(error) }) as Thrown;
  const isIt = ({ is }: Fault) => (typeof is === 'string' ? is === code || is === name : is.test(message));
  const { cause, wayOut } = FAULTS.find(isIt) ?? {} as Partial<Fault>;
  return { cause: cause ?? firstLine(message) ?? (name || 'something failed without a word'), wayOut: wayOut ?? hint };
}

/** The same in one sentence: `the GPU device was lost (unknown): …; run it again, …`. */
export function sentenceOf(error: unknown): string {
  const { cause, wayOut } = said(error);
  return wayOut === '' ? cause : `${cause}; ${wayOut}`;
}

/** What kind of fault it is: a code of ours, or the name that the browser gave it. */
export function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as Thrown;
  return typeof code === 'string' ? code : name ?? 'Error';
}

/** Messages of the engine go on with lists; the first line says it. */
function firstLine(message: string): string | undefined {
  const line = message.trim().split('\n')[0].replace(/[.;:\s]+$/, '');
  return line === '' ? undefined : line;
}
