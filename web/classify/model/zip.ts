/** A zip archive of a checkpoint: what is stored is read where it lies, what is deflated is unpacked once. */
import { crc32 } from '../../../engine/crc32.ts';
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { type ByteSource, bytesOfBlob } from '../../../model/checkpoint/bytes.ts';
import { requireChecksum } from '../../../model/checkpoint/pickle/place.ts';
import { type Packed, ZipArchive } from '../../../model/checkpoint/pickle/zip.ts';
import type { Listing } from './listing.ts';

/** The files of an archive. */
export async function unzipped(name: string, archive: Blob): Promise<Listing> {
  const zip = await ZipArchive.open(bytesOfBlob(name, archive));
  const open = async (entry: string): Promise<ByteSource> => {
    const packed = await zip.packed(entry);
    const part = archive.slice(packed.begin, packed.end);
    return bytesOfBlob(entry, packed.isPacked ? await inflated(name, part, packed) : part);
  };
  return new Map(zip.names().map((entry) => [entry, () => open(entry)]));
}

/** What was deflated: no more of it than the archive states. */
async function inflated(archive: string, part: Blob, { bytes, stated, begin, end }: Packed): Promise<Blob> {
  const wrong = (reason: string, message: string) =>
    new CheckpointFormatError(reason, archive, `"${stated.entry}" of the zip archive ${message}`);
  let [length, sum] = [0, 0];
  const looked = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({ transform(piece, controller) {
    length += piece.length;
    if (length > bytes) throw wrong('SizeMismatch', `unpacks to more than the ${bytes} bytes that it states`);
    sum = crc32(piece, sum);
    controller.enqueue(piece);
  } });
  const stream = part.stream().pipeThrough(new DecompressionStream('deflate-raw')).pipeThrough(looked);
  const whole = await new Response(stream).blob().catch((cause: unknown) => {
    throw cause instanceof CheckpointFormatError ? cause : wrong('Damaged', 'cannot be unpacked: fetch it again');
  });
  if (length !== bytes) throw wrong('SizeMismatch', `unpacks to ${length} bytes, it states ${bytes}`);
  requireChecksum({ name: archive }, { begin, end, stated }, sum);
  return whole;
}
