/** Files that a person chose or dropped, as the place of a checkpoint. */
import { bytesOfBlob } from '../../../model/checkpoint/bytes.ts';
import type { Place } from '../../../model/checkpoint/folder.ts';
import type { NamedFile } from '../protocol.ts';
import { placeAmong } from './listing.ts';
import { unzipped } from './zip.ts';

const ARCHIVE = /\.zip$/i;

/** A folder's files, some files, or one archive of them. */
export async function placeOfFiles(files: readonly NamedFile[]): Promise<Place> {
  const [first] = files;
  const path = first.path.split('/')[0];
  if (files.length === 1 && ARCHIVE.test(path)) {
    return placeAmong(path, await unzipped(path, first.blob));
  }
  return placeAmong(path, new Map(files.map((file) => [file.path, async () => bytesOfBlob(file.path, file.blob)])));
}
