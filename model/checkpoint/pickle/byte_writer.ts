/** Collects bytes, numbers little-endian. */
export class Bytes {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  add(...pieces: readonly (Uint8Array | string | number)[]): this {
    for (const piece of pieces) {
      const bytes = typeof piece === 'number'
        ? Uint8Array.of(piece)
        : typeof piece === 'string'
        ? new TextEncoder().encode(piece)
        : piece;
      this.#pieces.push(bytes);
      this.length += bytes.length;
    }
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) this.add(value & 0xff, value >>> 8);
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.add(new Uint8Array(Uint32Array.of(value).buffer));
    return this;
  }

  u64(...values: readonly number[]): this {
    for (const value of values) this.add(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
    return this;
  }

  whole(): Uint8Array {
    const result = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      result.set(piece, at);
      at += piece.length;
    }
    return result;
  }
}
