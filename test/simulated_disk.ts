import { basename, dirname, join } from 'node:path';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import type { Files, OpenFile } from '../model/checkpoint/files.node.ts';

interface File {
  content: Uint8Array;
  /** Bytes that survive a loss of power. */
  synced: number;
}

/** Names in a folder, as processes see them and as the disk holds them. */
interface Folder {
  readonly names: Map<string, File | Folder>;
  readonly onDisk: Map<string, File | Folder>;
  /** What turns the second into the first. */
  pending: Change[];
}

/** One that happens whole or not at all. */
type Change = (names: Map<string, File | Folder>) => void;

const isFolder = (entry: File | Folder): entry is Folder => 'names' in entry;
const newFolder = (): Folder => ({ names: new Map(), onDisk: new Map(), pending: [] });

function problem(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code });
}

/**
 * A disk in memory that loses power as badly as POSIX lets it: what was not synced may be there, or in part, or not at
 * all, and names that were changed in a folder may have changed or not, each on its own.
 */
export class SimulatedDisk implements Files {
  /** Called before each access with its number, from 1; what it throws fails the access. */
  onCall: (call: number) => void = () => undefined;
  /** How many of the bytes that it is given a write takes. */
  taking: (bytes: number) => number = (bytes) => bytes;
  readonly #root: string;
  #tree = newFolder();
  #calls = 0;

  /** @param root the only folder there is at first */
  constructor(root: string) {
    this.#root = root;
  }

  get calls(): number {
    return this.#calls;
  }

  async mkdir(path: string): Promise<void> {
    this.#count();
    if (path === this.#root || this.#find(path) !== undefined) return;
    const folder = newFolder();
    this.#change(path, (names) => names.set(basename(path), folder));
  }

  async list(path: string): Promise<string[]> {
    this.#count();
    return [...this.#folder(path).names.keys()];
  }

  async open(path: string): Promise<ReturnType<typeof bytesInMemory> & { close(): Promise<void> }> {
    this.#count();
    const file = this.#find(path);
    if (file === undefined || isFolder(file)) throw new CheckpointFormatError('Unreadable', path, 'no such file');
    const source = bytesInMemory(path, file.content);
    const read = (offset: number, length: number) => {
      this.#count();
      return source.read(offset, length);
    };
    return { ...source, read, close: () => Promise.resolve() };
  }

  async create(path: string): Promise<OpenFile> {
    this.#count();
    const file: File = { content: new Uint8Array(0), synced: 0 };
    this.#change(path, (names) => names.set(basename(path), file));
    return {
      write: async (bytes) => {
        this.#count();
        const taken = bytes.subarray(0, this.taking(bytes.length));
        file.content = Buffer.concat([file.content, taken]);
        return taken.length;
      },
      sync: async () => {
        this.#count();
        file.synced = file.content.length;
      },
      close: async () => this.#count(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#count();
    const [entry, old] = [this.#find(from), this.#find(to)];
    if (entry === undefined) throw problem('ENOENT', from);
    if (old !== undefined && isFolder(old) && old.names.size > 0) throw problem('ENOTEMPTY', to);
    if (dirname(from) !== dirname(to)) throw problem('EXDEV', to); // nobody needs it
    this.#change(from, (names) => {
      names.delete(basename(from));
      names.set(basename(to), entry);
    });
  }

  async remove(path: string): Promise<void> {
    this.#count();
    this.#remove(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#count();
    const folder = this.#folder(path);
    for (const change of folder.pending.splice(0)) change(folder.onDisk);
  }

  /** Changes a file as no writer does. */
  damage(path: string, change: (content: Uint8Array) => Uint8Array): void {
    const file = this.#find(path);
    if (file === undefined || isFolder(file)) throw problem('ENOENT', path);
    file.content = change(file.content.slice());
  }

  /** This disk now, with nothing lost: what is there after a process was killed. */
  copy(): SimulatedDisk {
    return this.#with(copyOf(this.#tree, (folder) => folder.names, (file) => file.content.length));
  }

  /**
   * One of the disks that there may be after the power has gone now.
   *
   * @param luck from 0, all is lost that may be, to less than 1, nothing is
   */
  afterPowerLoss(luck: () => number): SimulatedDisk {
    const survived = ({ onDisk, pending }: Folder) => {
      const names = new Map(onDisk);
      for (const change of pending) if (luck() >= 0.5) change(names);
      return names;
    };
    return this.#with(
      copyOf(this.#tree, survived, ({ content, synced }) => synced + Math.ceil(luck() * (content.length - synced))),
    );
  }

  #with(tree: Folder): SimulatedDisk {
    const disk = new SimulatedDisk(this.#root);
    disk.#tree = tree;
    return disk;
  }

  #count(): void {
    this.onCall(++this.#calls);
  }

  #find(path: string): File | Folder | undefined {
    if (path === this.#root) return this.#tree;
    const parent = this.#find(dirname(path));
    return parent !== undefined && isFolder(parent) ? parent.names.get(basename(path)) : undefined;
  }

  #folder(path: string): Folder {
    const folder = this.#find(path);
    if (folder === undefined || !isFolder(folder)) throw problem('ENOENT', path);
    return folder;
  }

  #change(path: string, change: Change): void {
    const folder = this.#folder(dirname(path));
    change(folder.names);
    folder.pending.push(change);
  }

  #remove(path: string): void {
    const entry = this.#find(path);
    if (entry === undefined) return;
    if (isFolder(entry)) { for (const name of entry.names.keys()) this.#remove(join(path, name)); }
    this.#change(path, (names) => names.delete(basename(path)));
  }
}

/** A tree of its own, all of it on the disk. */
function copyOf(folder: Folder, namesOf: (folder: Folder) => Map<string, File | Folder>,
  lengthOf: (file: File) => number): Folder {
  const copied = newFolder();
  for (const [name, entry] of namesOf(folder)) {
    const length = isFolder(entry) ? 0 : lengthOf(entry);
    const copy = isFolder(entry)
      ? copyOf(entry, namesOf, lengthOf)
      : { content: entry.content.slice(0, length), synced: length };
    copied.names.set(name, copy);
    copied.onDisk.set(name, copy);
  }
  return copied;
}
