/** What the operating system says of files, in a person's words: one table for everything that reads or writes. */
import { FirstlightError } from './errors.ts';
import { shown } from './shown.ts';

/** What a person is told. */
export interface Meaning {
  readonly reason: string;
  readonly remedy: string;
}

const ELSEWHERE = 'name a folder on another disk';
const RIGHTS = 'change its permissions (ls -l shows them), or name a place that you may use';

/** By the code of a Node error. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { reason: 'no such file or folder', remedy: 'check the path; a relative one starts at the working folder' },
  ENOTDIR: { reason: 'a part of this path is a file, not a folder', remedy: 'check the path' },
  EISDIR: { reason: 'is a folder, expected a file', remedy: 'name a file in it' },
  EEXIST: { reason: 'is there already, and not what is needed', remedy: 'move it away, or name another place' },
  ENOTEMPTY: { reason: 'is a folder that is not empty', remedy: 'move it away, or name another place' },
  EACCES: { reason: 'permission denied', remedy: RIGHTS },
  EPERM: { reason: 'the system does not permit this', remedy: RIGHTS },
  EROFS: { reason: 'the disk is read-only', remedy: ELSEWHERE },
  ENOSPC: { reason: 'the disk is full', remedy: `free some space, or ${ELSEWHERE}` },
  EDQUOT: { reason: 'your share of the disk is used up (quota)', remedy: `free some space, or ${ELSEWHERE}` },
  EFBIG: { reason: 'the file would be larger than this disk or your limits allow', remedy: ELSEWHERE },
  EMFILE: { reason: 'this process has too many files open', remedy: 'raise the limit: ulimit -n 4096' },
  ENFILE: { reason: 'the machine has too many files open', remedy: 'close other programs' },
  EBUSY: { reason: 'is in use by another program', remedy: 'close what uses it, and try again' },
  ETXTBSY: { reason: 'is in use by another program', remedy: 'close what uses it, and try again' },
  ENAMETOOLONG: { reason: 'the name is longer than this system allows', remedy: 'name a shorter one' },
  ELOOP: { reason: 'is a link to itself', remedy: 'remove the link' },
  EXDEV: { reason: 'lies on another disk', remedy: 'keep the folder on one disk' },
  EIO: { reason: 'the disk failed to read or write it', remedy: `look at the disk's health, and ${ELSEWHERE}` },
  ESTALE: { reason: 'the network folder is not there any more', remedy: 'mount it again' },
  ENXIO: { reason: 'is no file that can be read', remedy: 'name another file' },
  ENOTREG: { reason: 'is not a regular file', remedy: 'name a file, not a pipe or a device' }, // our own
  ENUL: { reason: 'holds a NUL character, as no path does', remedy: 'check the path' }, // our own
  ENODEV: { reason: 'the disk is not there any more', remedy: ELSEWHERE },
};

/** The system refused to read or write. */
export class FileError extends FirstlightError {
  /** Of the system, e.g. `ENOSPC`. */
  readonly systemCode: string;
  /** The message without the path. */
  readonly reason: string;

  constructor(path: string, systemCode: string, cause?: unknown,
    { reason, remedy }: Partial<Meaning> = MEANINGS[systemCode] ?? {}) {
    const why = reason ?? (cause instanceof Error ? cause.message : systemCode);
    super('FL_FILE', `${shown(path)}: ${why}`, { path, systemCode }, remedy, cause);
    this.systemCode = systemCode;
    this.reason = why;
  }
}

/** Why a call failed, for a message that names the file itself. */
export function reasonOf(error: unknown): string {
  if (error instanceof FileError) return error.reason;
  const { code, message } = error as NodeJS.ErrnoException;
  return MEANINGS[code ?? '']?.reason ?? message;
}

/**
 * An error of the system as a `FileError`; any other error is returned as it is.
 *
 * @param path what was read or written, for calls whose errors do not say: those on open files
 */
export function fileErrorOf(error: unknown, path?: string): unknown {
  if (!(error instanceof Error) || error instanceof FirstlightError) return error;
  const { code = '', syscall, path: own = path } = error as NodeJS.ErrnoException;
  // no name of a file holds one, so Node does not ask the system
  if (code === 'ERR_INVALID_ARG_VALUE' && own?.includes('\0') === true) return new FileError(own, 'ENUL', error);
  if (!/^E[A-Z0-9]+$/.test(code)) return error; // Node's own begin with ERR_
  if (own === undefined && !Object.hasOwn(MEANINGS, code)) return error;
  return new FileError(own ?? `a file (${syscall ?? 'unnamed'})`, code, error);
}

/** Runs what reads or writes `path`, so that an error of the system names it. */
export async function onFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileErrorOf(error, path);
  }
}

/** As `onFile`, for calls that wait. */
export function onFileSync<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileErrorOf(error, path);
  }
}
