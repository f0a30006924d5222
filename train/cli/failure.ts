/** How a command ends that failed: what a person reads, and the exit code. */
import { FirstlightError } from '../../engine/errors.ts';
import { fileErrorOf } from '../../engine/file_error.ts';
import { printable } from '../../engine/shown.ts';
import { InterruptedError } from '../run/stop.ts';

/** 1 user error, 2 usage, 3 data, 4 device, 5 checkpoint, 6 a GPU that hangs; 130 and 143 are those of signals. */
const EXIT_CODES: readonly (readonly [prefix: string, exitCode: number])[] = [
  ['FL_USAGE', 2],
  ['FL_STEP_TIMEOUT', 6],
  ...['FL_DATASET', 'FL_VIDEO', 'FL_PATH'].map((code) => [code, 3] as const),
  ...['FL_NO_ADAPTER', 'FL_DEVICE', 'FL_OOM', 'FL_LIMIT', 'FL_GPU', 'FL_KERNEL', 'FL_STEP'].map((code) =>
    [code, 4] as const
  ),
  ...['FL_CHECKPOINT', 'FL_STATE_DICT'].map((code) => [code, 5] as const),
];

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof FirstlightError)) return 1;
  if (error instanceof InterruptedError) return error.exitCode;
  return EXIT_CODES.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? 1;
}

/** What a person reads. The stack only helps with defects of Firstlight itself, or on request. */
export function explain(thrown: unknown, debug: boolean): string {
  const error = missingPackage(thrown) ?? fileErrorOf(thrown);
  if (!(error instanceof FirstlightError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `firstlight: unexpected error, a defect of Firstlight: ${printable(text)}\n`;
  }
  const hint = error.hint === undefined ? '' : `\n  ${error.hint}`;
  if (!debug) return `firstlight: ${error.message}${hint}\n`;
  const cause = error.cause === undefined
    ? ''
    : `\nCaused by: ${error.cause instanceof Error ? error.cause.stack : String(error.cause)}`;
  return printable(`firstlight: ${error.message}${hint}\n${error.code}\n${error.stack}${cause}\n`);
}

/** What an import says of a package that is not there: optional ones may be left out, and are named then. */
function missingPackage(thrown: unknown): FirstlightError | undefined {
  const { code, message } = (thrown ?? {}) as { code?: unknown; message?: unknown };
  const name = code === 'ERR_MODULE_NOT_FOUND'
    ? /^Cannot find package '([^']+)'/.exec(String(message))?.[1]
    : undefined;
  return name === undefined
    ? undefined
    : new FirstlightError('FL_PACKAGE', `the package ${name}, which this needs, is not installed`, { package: name },
      `npm install ${name}; THIRD_PARTY.md says what it brings`, thrown);
}
