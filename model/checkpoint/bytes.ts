/** Bytes that can be read in pieces: a file, a Blob, or memory. */
export interface ByteSource {
  /** What errors call it. */
  readonly name: string;
  readonly size: number;
  /** @param room memory of at least so many bytes, which may be used for them */
  read(offset: number, length: number, room?: Uint8Array): Promise<Uint8Array>;
}

/** Bytes in memory. */
export function bytesInMemory(name: string, bytes: Uint8Array): ByteSource {
  // a copy: a Buffer would hand out its pool
  return { name, size: bytes.byteLength,
    read: (offset, length) => Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length))) };
}

/** A Blob, such as a file that a person chose in a browser. */
export function bytesOfBlob(name: string, blob: Blob): ByteSource {
  return { name, size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()) };
}
