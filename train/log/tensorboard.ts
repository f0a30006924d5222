/**
 * TensorBoard's event files: TFRecords, each holding one protobuf `Event`. Written here because five fields need no
 * library.
 *
 *   record  = length u64 | masked crc32c of the length u32 | payload | masked crc32c of the payload u32, little-endian
 *   Event   = 1: wall_time f64, 2: step i64, 3: file_version text, 5: Summary, 7: SessionLog
 *   Summary = 1: Value { 1: tag text, 2: simple_value f32 };  SessionLog = 1: status (1 is START)
 */
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { FileError } from '../../engine/file_error.ts';
import { AppendedFile, type Write } from './appended.ts';

/** Castagnoli's polynomial 0x1EDC6F41, bits reversed. */
const CASTAGNOLI = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? CASTAGNOLI : 0);
  return remainder;
});

/** CRC-32C, RFC 3720 appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** TFRecord's masking: rotated right by 15 and offset, so that a checksum of data with checksums stays meaningful. */
const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

const WIRE_VARINT = 0;
const WIRE_64 = 1;
const WIRE_BYTES = 2;
const WIRE_32 = 5;

const tag = (field: number, wire: number) => Buffer.of((field << 3) | wire);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt(value);; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Buffer.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, WIRE_64), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, WIRE_32), bytes]);
}

const integer = (field: number, value: number) => Buffer.concat([tag(field, WIRE_VARINT), varint(value)]);

function bytes(field: number, content: Buffer | string): Buffer {
  const payload = Buffer.from(content);
  return Buffer.concat([tag(field, WIRE_BYTES), varint(payload.length), payload]);
}

function record(payload: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(payload.length));
  head.writeUInt32LE(masked(crc32c(head.subarray(0, 8))), 8);
  const foot = Buffer.alloc(4);
  foot.writeUInt32LE(masked(crc32c(payload)));
  return Buffer.concat([head, payload, foot]);
}

/** Writes the scalars of a run where `tensorboard --logdir` finds them. */
export class TensorBoardWriter {
  readonly #file: AppendedFile;

  /**
   * @param resumeAfter on resuming: the step of the checkpoint. Earlier files stay; a START event tells TensorBoard to
   *   forget what they have of later steps. Omitted: a new run, which forgets all of them.
   */
  constructor(folder: string, resumeAfter?: number, write?: Write) {
    const times = timesOf(folder);
    const seconds = Math.max(Date.now() / 1000, ...times.map((time) => time + 0.001));
    this.#file = new AppendedFile(
      join(folder, `events.out.tfevents.${seconds.toFixed(3)}.${hostname()}.${process.pid}`),
      'ax+',
      write,
    );
    this.#event(seconds, bytes(3, 'brain.Event:2'));
    if (resumeAfter === undefined && times.length === 0) return;
    this.#event(seconds, integer(2, (resumeAfter ?? 0) + 1), bytes(7, integer(1, 1)));
  }

  /** Why events wait in memory that the disk does not take; undefined if none does. */
  get problem(): FileError | undefined {
    return this.#file.problem;
  }

  scalar(step: number, name: string, value: number, seconds = Date.now() / 1000): void {
    const point = Buffer.concat([bytes(1, name), float(2, value)]);
    this.#event(seconds, integer(2, step), bytes(5, bytes(1, point)));
  }

  close(): void {
    this.#file.close();
  }

  #event(seconds: number, ...fields: Buffer[]): void {
    this.#file.append(record(Buffer.concat([double(1, seconds), ...fields])));
  }
}

/**
 * When the files that are there were begun, in seconds since 1970. TensorBoard reads files in the order of their names:
 * a new one has a later time, also where the clock was set back.
 */
function timesOf(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => {
    const time = /^events\.out\.tfevents\.(\d+\.\d+)\./.exec(name)?.[1];
    return time === undefined ? [] : [Number(time)];
  });
}
