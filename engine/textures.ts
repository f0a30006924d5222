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
  /** Much later it is wanted again: a recording gives it a slot of its own, so that it is there still. */
  readonly isKept?: boolean;
}

/** What a slot holds, and the number of the claim that asked for it last. */
interface Held {
  readonly slot: number;
  readonly content: Content;
  readonly watch: Watch;
  claimed: number;
}

/** Slots whose content gives way: as many as a program can be given textures at once, the operands of a product. */
const PASSING = 2;
/** Four f32: the one format there is. */
export const TEXEL_FORMAT = 'rgba32float';
const TEXEL_BYTES = 16;
const USAGE = 0x08; // STORAGE_BINDING

export function textureBytes([width, height, layers]: TextureSize): number {
  return width * height * layers * TEXEL_BYTES;
}

/**
 * What textures hold, while commands are put into a stream or a recording. Who packs a tensor again learns that it was
 * packed before, if nothing has been written to it since.
 */
export class TextureSlots {
  readonly #keeps: boolean;
  readonly #held = new Map<number, Held>();
  /** What the texture of each slot must have room for. */
  readonly largest = new Map<number, TextureSize>();
  #kept = 0;
  #claims = 0;

  /** @param options.keeps whether contents that are wanted again get slots of their own */
  constructor({ keeps }: { readonly keeps: boolean }) {
    this.#keeps = keeps;
  }

  /**
   * A slot for each of some contents, which a program is to be given together. Where `isFilled` is false, whoever asks
   * fills it.
   */
  claim(contents: readonly Content[]): (Texture & { readonly isFilled: boolean })[] {
    const taken = new Set(contents.map((content) => this.#find(content)?.slot));
    const claimed = ++this.#claims;
    return contents.map((content) => {
      const found = this.#find(content); // again: two of them may be the same
      const held = found ?? this.#hold(this.#slotFor(content, taken), content);
      held.claimed = claimed;
      taken.add(held.slot);
      return { slot: held.slot, size: content.size, isFilled: found !== undefined };
    });
  }

  #find(wanted: Content): Held | undefined {
    for (const held of this.#held.values()) if (!held.watch.isOverwritten && isSame(held.content, wanted)) return held;
    return undefined;
  }

  /** A slot of its own, or, of those whose content gives way, the one that was not asked for for longest. */
  #slotFor({ isKept }: Content, taken: ReadonlySet<number | undefined>): number {
    if (this.#keeps && isKept === true) return PASSING + this.#kept++;
    const free = Array.from({ length: PASSING }, (_, slot) => slot).filter((slot) => !taken.has(slot));
    if (free.length === 0) throw new RangeError(`more than ${PASSING} textures at once`);
    const lastClaim = (slot: number) => this.#held.get(slot)?.claimed ?? 0;
    return free.reduce((oldest, slot) => (lastClaim(slot) < lastClaim(oldest) ? slot : oldest));
  }

  #hold(slot: number, content: Content): Held {
    const { storage, offset, bytes, size } = content;
    const before = this.#held.get(slot);
    before?.content.storage.unwatch(before.watch);
    const held = { slot, content, watch: storage.watch(offset, bytes), claimed: 0 };
    this.#held.set(slot, held);
    this.largest.set(slot, larger(this.largest.get(slot), size));
    return held;
  }

  /** Looks at no memory any more. */
  clear(): void {
    for (const { content, watch } of this.#held.values()) content.storage.unwatch(watch);
    this.#held.clear();
  }
}

function isSame(a: Content, b: Content): boolean {
  return a.storage === b.storage && a.offset === b.offset && a.bytes === b.bytes && a.form === b.form;
}

const larger = ([width, height, layers]: TextureSize = [0, 0, 0],
  other: TextureSize): TextureSize => [Math.max(width, other[0]), Math.max(height, other[1]),
  Math.max(layers, other[2])];

interface Made {
  readonly texture: GPUTexture;
  readonly view: GPUTextureView;
  readonly size: TextureSize;
  readonly id: number;
}

/** The textures of the slots: of a stream, where they grow, or of a captured step. */
export class Textures {
  readonly #buffers: Buffers;
  readonly #made = new Map<number, Made>();
  readonly #shares: ReadonlyMap<number, number>;
  #ids = 0;

  /** @param shares slots that have no texture of their own, and the slot whose texture they use */
  constructor(buffers: Buffers, shares: ReadonlyMap<number, number> = new Map()) {
    this.#buffers = buffers;
    this.#shares = shares;
  }

  /** Whether a slot's texture is as large as its content. */
  has({ slot, size }: Texture): boolean {
    const made = this.#made.get(slot);
    return made !== undefined && size.every((length, axis) => length <= made.size[axis]);
  }

  /** Makes a slot's texture large enough; what it held is lost, and no command that uses it may be left to submit. */
  grow({ slot, size }: Texture): void {
    const before = this.#made.get(slot);
    if (before !== undefined) this.#buffers.destroyTexture(before.texture, textureBytes(before.size));
    const grown = larger(before?.size, size);
    const texture = this.#buffers.createTexture(`operands, slot ${slot}`, { size: [...grown], format: TEXEL_FORMAT,
      usage: USAGE }, textureBytes(grown));
    const view = texture.createView({ dimension: '2d-array' });
    this.#made.set(slot, { texture, view, size: grown, id: ++this.#ids });
  }

  /** What is bound, and a number that is that of no other texture of these. */
  of({ slot }: Texture): Pick<Made, 'view' | 'id'> {
    return this.#made.get(this.#shares.get(slot) ?? slot) as Made;
  }

  clear(): void {
    for (const { texture, size } of this.#made.values()) this.#buffers.destroyTexture(texture, textureBytes(size));
    this.#made.clear();
  }
}
