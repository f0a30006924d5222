import type { Buffers } from './buffers.ts';
import type { Storage, Watch } from './storage.ts';

/** Texels in x and y, and layers. */
export type TextureSize = readonly [width: number, height: number, layers: number];

/** What a binding of a kernel is given: the part of a slot's texture that its content takes. */
export interface Texture {
  readonly slot: number;
  readonly size: TextureSize;
}

/** A stretch of memory, in the form that a kernel packs it in. */
export interface Content {
  readonly storage: Storage;
  readonly offset: number;
  readonly bytes: number;
  /** All that the texels depend on beside the memory. */
  readonly form: string;
  readonly size: TextureSize;
}

/** Textures that a program can be given at once: the operands of a product. */
const SLOTS = 2;
/** Four f32: the one format there is. */
export const TEXEL_FORMAT = 'rgba32float';
const TEXEL_BYTES = 16;
const USAGE = 0x08; // STORAGE_BINDING

export function textureBytes([width, height, layers]: TextureSize): number {
  return width * height * layers * TEXEL_BYTES;
}

/**
 * What a few textures hold, while commands are put into a stream or a recording. Who packs a tensor again learns that
 * it was packed before, if nothing has been written to it since.
 */
export class TextureSlots {
  readonly #held: { readonly content: Content; readonly watch: Watch }[] = [];
  /** What the texture of each slot must have room for. */
  readonly largest: TextureSize[] = [];

  /**
   * A slot for each of some contents, which a program is to be given together. Where `isFilled` is false, whoever asks
   * fills it.
   */
  claim(contents: readonly Content[]): (Texture & { readonly isFilled: boolean })[] {
    const find = (content: Content) => this.#held.findIndex((held) => holds(held, content));
    const taken = new Set(contents.map(find));
    return contents.map((content) => {
      const found = find(content); // again: two of them may be the same
      if (found >= 0) return { slot: found, size: content.size, isFilled: true };
      const slot = Array.from({ length: SLOTS }, (_, at) => at).find((at) => !taken.has(at));
      if (slot === undefined) throw new RangeError(`${contents.length} textures at once, there are ${SLOTS}`);
      taken.add(slot);
      this.#hold(slot, content);
      return { slot, size: content.size, isFilled: false };
    });
  }

  #hold(slot: number, content: Content): void {
    const { storage, offset, bytes, size } = content;
    const before = this.#held[slot];
    if (before !== undefined) before.content.storage.unwatch(before.watch);
    this.#held[slot] = { content, watch: storage.watch(offset, bytes) };
    this.largest[slot] = larger(this.largest[slot] ?? [0, 0, 0], size);
  }

  /** Looks at no memory any more. */
  clear(): void {
    for (const { content, watch } of this.#held.splice(0)) content.storage.unwatch(watch);
  }
}

function holds(held: { readonly content: Content; readonly watch: Watch } | undefined, wanted: Content): boolean {
  if (held === undefined || held.watch.isOverwritten) return false;
  const { storage, offset, bytes, form } = held.content;
  return storage === wanted.storage && offset === wanted.offset && bytes === wanted.bytes && form === wanted.form;
}

const larger = (a: TextureSize,
  b: TextureSize): TextureSize => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.max(a[2], b[2])];

/** The textures of the slots: of a stream, where they grow, or of a captured step. */
export class Textures {
  readonly #buffers: Buffers;
  readonly #made: { readonly texture: GPUTexture; readonly view: GPUTextureView; readonly size: TextureSize;
    readonly id: number }[] = [];
  #ids = 0;

  constructor(buffers: Buffers) {
    this.#buffers = buffers;
  }

  /** Whether a slot's texture is as large as its content. */
  has({ slot, size }: Texture): boolean {
    const made = this.#made[slot];
    return made !== undefined && size.every((length, axis) => length <= made.size[axis]);
  }

  /** Makes a slot's texture large enough; what it held is lost, and no command that uses it may be left to submit. */
  grow({ slot, size }: Texture): void {
    const before = this.#made[slot];
    if (before !== undefined) this.#buffers.destroyTexture(before.texture, textureBytes(before.size));
    const grown = before === undefined ? size : larger(before.size, size);
    const texture = this.#buffers.createTexture(`operands, slot ${slot}`, { size: [...grown], format: TEXEL_FORMAT,
      usage: USAGE }, textureBytes(grown));
    this.#made[slot] = { texture, size: grown, id: ++this.#ids, view: texture.createView({ dimension: '2d-array' }) };
  }

  /** What is bound, and a number that is that of no other texture of these. */
  of({ slot }: Texture): { readonly view: GPUTextureView; readonly id: number } {
    return this.#made[slot];
  }

  clear(): void {
    for (const { texture, size } of this.#made.splice(0)) this.#buffers.destroyTexture(texture, textureBytes(size));
  }
}
