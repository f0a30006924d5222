/** The file that is written last into a checkpoint: where the run stands, and the seal of every other file. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CheckpointFormatError } from '../../engine/errors.ts';
import { isObject, parseJson } from '../../engine/json.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import type { OptimizerCounts } from '../recipe/optimizer/index.ts';
import { issueText } from '../log/schemas.ts';
import type { Seal } from './seal.ts';
import type { Validation } from './validation.ts';

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
  if (!isObject(parsed)) throw new CheckpointFormatError('InvalidState', path, 'holds no state of a run');
  const { sha256: _, ...content } = parsed;
  if (Buffer.compare(sealed(content), bytes) !== 0) {
    throw new CheckpointFormatError('InvalidState', path, 'does not match its checksum');
  }
  const { version = 1 } = content;
  if (version !== VERSION) {
    throw new CheckpointFormatError('OtherVersion', path,
      `was written as version ${shownValue(version)} of a run's state, this program resumes version ${VERSION} only`);
  }
  const found = schema.safeParse(content);
  if (!found.success) {
    throw new CheckpointFormatError('InvalidState', path, `holds no state of a run: ${issueText(found.error)}`);
  }
  return found.data;
}

function sealed(content: object): Uint8Array {
  const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return new TextEncoder().encode(`${JSON.stringify({ ...content, sha256 }, null, 2)}\n`);
}

function parse(path: string, bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new CheckpointFormatError('InvalidState', path, `not valid JSON: ${shown((error as Error).message)}`);
  }
}

const count = z.int().min(0);
const share = z.number().min(0).max(1);
/** A file of this folder, not one somewhere else on the disk. */
const plainName = z.string().regex(/^(?!\.\.)[^/\\\0]+$/);

const schema = z.object({
  state: z.object({
    step: count,
    optimizer: z.object({ steps: count, finiteInARow: count, skippedInARow: count, skipped: count,
      lossScale: z.number().positive() }),
    seed: count,
    config: z.string(),
    data: z.record(z.string(), z.string()),
    elapsedSeconds: z.number().min(0),
    validations: z.array(z.object({ step: count, top1: share, top5: share, loss: z.number().min(0).nullable() })),
    epoch: z.object({ steps: count, lossSum: z.number() }),
  }),
  files: z.record(plainName, z.object({ bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
}) satisfies z.ZodType<StateFile>;
