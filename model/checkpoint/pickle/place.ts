/** Where bytes lie in a file, and what is known of them. */
import { crc32 } from '../../../engine/crc32.ts';
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { shown } from '../../../engine/shown.ts';
import type { ByteSource } from '../bytes.ts';

export interface Place {
  readonly begin: number;
  readonly end: number;
  /** What an archive says of the bytes; a stream says nothing. */
  readonly stated?: Stated;
}

/** An entry of a zip archive, and the CRC-32 that its directory states. */
interface Stated {
  readonly entry: string;
  readonly checksum: number;
}

/** Read at once of what is only summed up. */
const PIECE = 2 ** 20;

/** @throws CheckpointFormatError that names the entry, where its bytes have another checksum than it states */
export function requireChecksum(source: Pick<ByteSource, 'name'>, { stated }: Place, checksum: number): void {
  if (stated === undefined || stated.checksum === checksum) return;
  const text = (sum: number) => sum.toString(16).padStart(8, '0');
  throw new CheckpointFormatError('ChecksumMismatch', source.name,
    `"${shown(stated.entry)}" of the zip archive has the checksum ${text(checksum)}, expected ${
      text(stated.checksum)
    }: the file was damaged, copy it anew`);
}

/** The same of bytes that nobody wants in memory. @param before checksum of those in front of `begin` */
export async function checkRest(source: ByteSource, place: Place, begin: number, before: number): Promise<void> {
  if (place.stated === undefined) return;
  let sum = before;
  for (let at = begin; at < place.end;) {
    const bytes = await source.read(at, Math.min(PIECE, place.end - at));
    if (bytes.length === 0) break; // the file has become shorter: its checksum is wrong
    sum = crc32(bytes, sum);
    at += bytes.length;
  }
  requireChecksum(source, place, sum);
}
