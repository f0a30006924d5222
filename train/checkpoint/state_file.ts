/** The file that is written last into a checkpoint: where the run stands, and the seal of every other file. */
import { createHash } from 'node:crypto';
import { CheckpointFormatError } from '../../engine/errors.ts';
import type { OptimizerCounts } from '../recipe/optimizer/index.ts';
import type { Seal } from './seal.ts';
import { isValidation, type Validation } from './validation.ts';

/** Where a run stands. */
export interface RunState {
  /** Optimiser steps done, skipped ones included; the data of the next step follows from it and the seed. */
  readonly step: number;
  readonly optimizer: OptimizerCounts;
  readonly seed: number;
  /** The whole configuration, as text. */
  readonly config: string;
  /** What its data was, by key of the configuration. */
  readonly data: Readonly<Record<string, string>>;
  readonly elapsedSeconds: number;
  /** All of the run so far, in order. */
  readonly validations: readonly Validation[];
  /** Of the epoch under way: steps that changed something, and the sum of their losses. */
  readonly epoch: { readonly steps: number; readonly lossSum: number };
}

export interface StateFile {
  readonly state: RunState;
  /** By file name. */
  readonly files: Readonly<Record<string, Seal>>;
}

/** Raised when what a run keeps of itself changes. Files of version 1 have no number. */
const VERSION = 3;

/** JSON that ends with the checksum of what comes before it. The same content gives the same bytes. */
export function encodeState({ state, files }: StateFile): Uint8Array {
  return sealed({ version: VERSION, state, files });
}

/** What `encodeState` was given. A file with a single byte changed is refused, and so is one of another version. */
export function decodeState(path: string, bytes: Uint8Array): StateFile {
  const parsed = parse(path, bytes);
  if (typeof parsed !== 'object' || parsed === null) {
    throw new CheckpointFormatError('InvalidState', path, 'holds no state of a run');
  }
  const { sha256: _, ...content } = parsed as Readonly<Record<string, unknown>>;
  if (Buffer.compare(sealed(content), bytes) !== 0) {
    throw new CheckpointFormatError('InvalidState', path, 'does not match its checksum');
  }
  const { version = 1 } = content;
  if (version !== VERSION) {
    throw new CheckpointFormatError('OtherVersion', path,
      `was written as version ${version} of a run's state, this program resumes version ${VERSION} only`);
  }
  if (!isStateFile(content)) throw new CheckpointFormatError('InvalidState', path, 'holds no state of a run');
  return { state: content.state, files: content.files };
}

function sealed(content: object): Uint8Array {
  const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return new TextEncoder().encode(`${JSON.stringify({ ...content, sha256 }, null, 2)}\n`);
}

function parse(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new CheckpointFormatError('InvalidState', path, `not valid JSON: ${(error as Error).message}`);
  }
}

function isStateFile(value: unknown): value is StateFile {
  const { state, files } = (value ?? {}) as Partial<Record<keyof StateFile, unknown>>;
  const { step, optimizer, seed, config, data, elapsedSeconds, validations, epoch } = (state ?? {}) as Partial<
    Record<keyof RunState, unknown>
  >;
  const { steps: epochSteps, lossSum } = (epoch ?? {}) as Partial<Record<keyof RunState['epoch'], unknown>>;
  const { steps, finiteInARow, skippedInARow, skipped, lossScale } = (optimizer ?? {}) as Partial<
    Record<keyof OptimizerCounts, unknown>
  >;
  const isState =
    [step, seed, elapsedSeconds, steps, finiteInARow, skippedInARow, skipped, lossScale, epochSteps, lossSum].every(
      Number.isFinite,
    )
    && typeof config === 'string' && Array.isArray(validations) && validations.every(isValidation)
    && typeof data === 'object' && data !== null && Object.values(data).every((each) => typeof each === 'string');
  return isState && typeof files === 'object' && files !== null
    && Object.entries(files).every(([name, seal]) => isPlain(name) && isSeal(seal));
}

/** A file of this folder, not one somewhere else on the disk. */
function isPlain(name: string): boolean {
  return !/[/\\\0]/.test(name) && !name.startsWith('..');
}

function isSeal(value: unknown): value is Seal {
  const { bytes, sha256 } = (value ?? {}) as Partial<Record<keyof Seal, unknown>>;
  return Number.isSafeInteger(bytes) && typeof sha256 === 'string';
}
