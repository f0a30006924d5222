/** Files by their ways, wherever they are, as the place of a checkpoint. */
import type { ByteSource } from '../../../model/checkpoint/bytes.ts';
import { type Folder, INDEX, type Place, WEIGHTS } from '../../../model/checkpoint/folder.ts';

/** What opens each file, by its way: `model/config.json`. */
export type Listing = ReadonlyMap<string, () => Promise<ByteSource>>;

/** Names of weights by which a folder is one of a checkpoint. */
const OF_A_FOLDER = new Set([WEIGHTS, INDEX, 'pytorch_model.bin', 'pytorch_model.bin.index.json']);
const OF_TENSORS = /\.(safetensors|pth|pyth|pt|bin)$/i;

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1);
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/**
 * Where a checkpoint lies among files: in the uppermost folder that has weights; or it is the one file of tensors that
 * there is.
 *
 * @param path what errors call all of them
 */
export function placeAmong(path: string, files: Listing): Place {
  const ways = [...files.keys()].sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1));
  const weights = ways.find((way) => OF_A_FOLDER.has(nameOf(way)));
  if (weights !== undefined) return { path, folder: folderAmong(path, files, folderOf(weights)) };
  const tensors = ways.filter((way) => OF_TENSORS.test(way));
  if (tensors.length !== 1) return { path, folder: folderAmong(path, files, '') };
  const [only] = tensors;
  return { path, folder: folderAmong(path, files, folderOf(only)), file: nameOf(only) };
}

/** The files of one folder among others. @param root its way, with `/` at its end, or nothing */
function folderAmong(path: string, files: Listing, root: string): Folder {
  return {
    path,
    pathOf: (name) => root + name,
    async open(name) {
      const source = await files.get(root + name)?.();
      return source &&
        { name: root + name, size: source.size, read: (offset, length, room) => source.read(offset, length, room),
          close: async () => undefined };
    },
  };
}
