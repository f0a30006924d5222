import { oneLine, printable, shown } from './shown.ts';

/**
 * Every error that Firstlight throws. Tell them apart by `code`, never by text.
 * The message says what failed, with numbers (need and have) and the tensor, kernel or file; `hint` says what to do.
 */
export class FirstlightError extends Error {
  readonly code: `FL_${string}`;
  /** Numbers and names of the message. Not called `details`: test runners take that for text. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(code: `FL_${string}`, message: string, context: Record<string, unknown> = {}, hint?: string,
    cause?: unknown) {
    super(printable(message), cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.context = context;
    this.hint = hint === undefined ? undefined : printable(hint);
  }
}

/** 1536 → "1.5 KiB (1,536 B)": a person reads the first, a script the second. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  if (power === 0) return `${bytes} B`;
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power]} (${bytes.toLocaleString('en-US')} B)`;
}

/** Shapes do not fit: names the operation, what was expected, what came, and a way out. */
export class ShapeError extends FirstlightError {
  constructor(op: string, message: string, hint?: string) {
    super('FL_SHAPE', `${op}: ${message}`, { op }, hint);
  }
}

/** An element type that the operation does not take. */
export class DTypeError extends FirstlightError {
  constructor(op: string, tensor: string, expected: string, got: string, hint?: string) {
    super('FL_DTYPE', `${op}: ${tensor} must be ${expected}, got ${got}`, { op, tensor, expected, got }, hint);
  }
}

/** Tensors of two contexts meet in one operation. */
export class ContextError extends FirstlightError {
  constructor(op: string, tensor: string) {
    super('FL_CONTEXT', `${op}: ${tensor} belongs to another context`, { op, tensor },
      'read() it, and make it anew in the context of the others');
  }
}

/** The adapter's limit is too small for what was asked. */
export class LimitError extends FirstlightError {
  constructor(limit: string, need: number, have: number, what: string, hint?: string) {
    super('FL_LIMIT',
      `${what} needs ${limit} of ${need.toLocaleString('en-US')}, this device has ${have.toLocaleString('en-US')}`, {
      limit,
      need,
      have,
    }, hint);
  }
}

/** Memory at the time of an error about it. */
export interface MemoryState {
  /** Bytes that tensors hold. */
  readonly live: number;
  /** Bytes of all buffers, and what they may be at most. */
  readonly reserved: number;
  readonly budget: number;
  /** Names and sizes of the largest tensors. */
  readonly largest: readonly string[];
}

/**
 * The byte budget of the context, or the device's memory, is used up. `requested` is 0 where only the device knows how
 * much it wanted.
 */
export class OutOfMemoryError extends FirstlightError {
  constructor(what: string, requested: number, { live, reserved, budget, largest }: MemoryState, cause?: unknown) {
    const limit = Number.isFinite(budget) ? ` of budget ${formatBytes(budget)}` : ', no budget';
    super(
      'FL_OOM',
      `cannot allocate ${requested > 0 ? formatBytes(requested) : 'memory'} for ${what}: live ${
        formatBytes(live)
      }, reserved ${formatBytes(reserved)}${limit}\nLargest: ${largest.join(', ') || 'none'}`,
      { requested, live, reserved, budget, largest },
      'use a smaller batch with gradient accumulation, or recompute',
      cause,
    );
  }
}

/** A captured step does what a replay cannot, or is given what it was not recorded for. */
export class CaptureError extends FirstlightError {
  constructor(message: string, hint: string, cause?: unknown) {
    super('FL_CAPTURE', `captured step: ${message}`, {}, hint, cause);
  }
}

/** WGSL texts that make no program, whoever would compile it. `where` names the file, and the line if it is known. */
export class KernelSourceError extends FirstlightError {
  constructor(where: string, message: string, hint: string) {
    super('FL_KERNEL_SOURCE', `${where}: ${message}`, { where }, hint);
  }
}

/** A WGSL text that does not compile, at the file and line that a person wrote. */
export class KernelCompileError extends FirstlightError {
  constructor(kernel: string, where: string, message: string, cause?: unknown) {
    super('FL_KERNEL_COMPILE', `${kernel}: ${where}: ${message}`, { kernel, where }, undefined, cause);
  }
}

/** The GPU refused a command. Nothing computed after it can be trusted, so the context is unusable. */
export class GpuValidationError extends FirstlightError {
  constructor(message: string, cause?: unknown) {
    super('FL_GPU_VALIDATION', `the GPU refused a command: ${message}`, {},
      'this is a defect of the kernel that ran; results since the last readback are void', cause);
  }
}

/** The device is gone: unplugged, reset by its driver, or destroyed. */
export class DeviceLostError extends FirstlightError {
  constructor(reason: string, message: string) {
    super('FL_DEVICE_LOST', `the GPU device was lost (${reason}): ${message}`, { reason },
      'open() a new context and resume from the last checkpoint');
  }
}

/** Work that the GPU was given does not end. */
export class StepTimeoutError extends FirstlightError {
  /**
   * @param pending the last dispatch of each submit that is not known to be done, oldest first  @param submits how many
   * of them there are
   */
  constructor(seconds: number, pending: readonly string[], submits: number) {
    const work = submits === 0
      ? 'nothing that was submitted is known to be pending'
      : `${submits === 1 ? '1 submit is' : `${submits} submits are`} pending, the last dispatch ${
        submits === 1 ? 'is' : 'of each'
      } ${pending.join(', ')}`;
    super(
      'FL_STEP_TIMEOUT',
      `the GPU did not finish within ${Number(seconds.toPrecision(3))} s: ${work}`,
      { seconds, pending, submits },
      'a kernel that never ends, or a driver that hangs. No process can stop such work: end this one, and go on from the last checkpoint (--resume)',
    );
  }
}

/** Commands of a step, or of a readback, were dropped: the canary did not count them. */
export class StepNotExecutedError extends FirstlightError {
  constructor(submitted: number, found: number) {
    super('FL_STEP_NOT_EXECUTED',
      `of ${submitted} submits ${submitted - found} did not run: the canary counts ${found}`, { submitted, found },
      'the device dropped commands: weights may be those of an earlier step, so resume from the last checkpoint');
  }
}

/** NaN or infinity where numbers must be finite. */
export class NonFiniteError extends FirstlightError {
  constructor(what: string, step?: number,
    hint = 'lower the learning rate, clip the gradient, or look for a broken input') {
    super('FL_NON_FINITE', `${what} is NaN or infinite${step === undefined ? '' : ` at step ${step}`}`, { what, step },
      hint);
  }
}

/** A tensor was used after its memory had been given back. */
export class DisposedTensorError extends FirstlightError {
  constructor(tensor: string) {
    super('FL_DISPOSED', `${tensor} was freed before this use`, { tensor },
      'return it from the scope that made it, or dispose of it later; what a captured step returned lasts until its next run');
  }
}

/** No WebGPU adapter could be had. */
export class NoAdapterError extends FirstlightError {
  constructor(tried: readonly string[],
    hint = '`npx firstlight doctor` (package firstlight-cli) lists what is missing and the remedy') {
    super('FL_NO_ADAPTER', `no WebGPU adapter: tried ${tried.join(', ') || 'nothing'}`, { tried }, hint);
  }
}

/** A checkpoint file that does not follow its format. `reason` is stable. */
export class CheckpointFormatError extends FirstlightError {
  constructor(reason: string, path: string, message: string, tensor?: string) {
    const where = tensor === undefined ? '' : `tensor "${shown(tensor)}": `;
    super('FL_CHECKPOINT_FORMAT', `${shown(path)}: ${where}${message}`, { reason, path, tensor });
  }
}

/** A checkpoint whose content does not match its checksum. */
export class CheckpointCorruptError extends FirstlightError {
  constructor(path: string, message: string) {
    super('FL_CHECKPOINT_CORRUPT', `${shown(path)}: ${message}`, { path });
  }
}

/** Names or shapes of a checkpoint that do not fit the model; all of them at once. */
export class StateDictError extends FirstlightError {
  constructor(path: string,
    problems: { missing: readonly string[]; unexpected: readonly string[]; mismatched: readonly string[] }) {
    const list = (title: string, names: readonly string[]) =>
      names.length === 0
        ? ''
        : `\n${title} (${names.length}): ${names.slice(0, 20).map((name) => shown(name)).join('; ')}${
          names.length > 20 ? '; …' : ''
        }`;
    super('FL_STATE_DICT',
      `${shown(path)} does not fit the model${list('Missing', problems.missing)}${
        list('Unexpected', problems.unexpected)
      }${list('Mismatched', problems.mismatched)}`, problems);
  }
}

/** Problems of a file that are told one by one. */
const MOST_PROBLEMS = 50;

/** A configuration that cannot be used, with all its problems at once, the first 50 shown. */
export class ConfigError extends FirstlightError {
  constructor(path: string, problems: readonly string[], hint?: string) {
    const told = problems.slice(0, MOST_PROBLEMS);
    const more = problems.length > told.length ? [`… and ${problems.length - told.length} more`] : [];
    super('FL_CONFIG', `${shown(path)}: ${[...told, ...more].join('\n')}`, { path, problems }, hint);
  }
}

/** A problem at a line of a list or label file. */
export interface LineProblem {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

/** A problem as people read it. */
export function problemLine({ file, line, problem }: LineProblem): string {
  return `${shown(file)}${line > 0 ? `:${line}` : ''}: ${oneLine(problem)}`;
}

/** Lists and labels that cannot be used: every problem at once, the first 20 shown. */
export class DatasetError extends FirstlightError {
  constructor(problems: readonly LineProblem[]) {
    const told = problems.slice(0, 20).map(problemLine);
    const more = problems.length > 20 ? [`… and ${problems.length - 20} more`] : [];
    super('FL_DATASET', [...told, ...more].join('\n'), { problems });
  }
}

/** A video file that cannot be decoded whole. */
export class VideoDecodeError extends FirstlightError {
  constructor(file: string, reason: string, cause?: unknown, hint?: string) {
    super('FL_VIDEO', `${shown(file)}: ${oneLine(reason)}`, { file, reason }, hint, cause);
  }
}

/** A path that leaves its folder, or cannot be a path. */
export class PathError extends FirstlightError {
  constructor(path: string, reason: string) {
    super('FL_PATH', `${shown(path)}: ${oneLine(reason)}`, { path, reason });
  }
}

/** Another process writes to this run folder. */
export class RunLockedError extends FirstlightError {
  /** @param elsewhere the machine, if it is another one, and the file that locks the run */
  constructor(path: string, pid: number, since: string, elsewhere?: { host: string; lock: string }) {
    const wait = 'wait for it to end, or choose another --out folder';
    const hint = elsewhere === undefined
      ? wait
      : `${wait}; if it has ended, which cannot be seen from here, remove ${elsewhere.lock}`;
    super('FL_RUN_LOCKED',
      `${shown(path)} is in use by process ${pid}${
        elsewhere === undefined ? '' : ` on ${shown(elsewhere.host)}`
      } since ${shown(since)}`, {
      path,
      pid,
      since,
      ...elsewhere,
    }, hint);
  }
}
