import { type Command, texturesOf } from './command.ts';
import { textureBytes, type TextureSize, type TextureSlots } from './textures.ts';

/** The textures of a recording. */
export interface TexturePlan {
  /** By slot, what is made. */
  readonly sizes: ReadonlyMap<number, TextureSize>;
  /** The other slots, and the one whose texture each of them uses. */
  readonly shares: ReadonlyMap<number, number>;
  /** Of all that are made. */
  readonly bytes: number;
}

/**
 * Gives slots of one size, which no two commands need at the same time, one texture: of a step whose activations are
 * computed again, few contents are there together.
 */
export function planTextures(slots: TextureSlots, commands: readonly Command[]): TexturePlan {
  const uses = new Map<number, { readonly first: number; last: number }>();
  commands.forEach((command, at) => {
    for (const { slot } of texturesOf(command)) {
      const use = uses.get(slot);
      if (use === undefined) uses.set(slot, { first: at, last: at });
      else use.last = at;
    }
  });
  const sizes = new Map<number, TextureSize>();
  const shares = new Map<number, number>();
  const busyUntil = new Map<number, number>(); // by slot that has a texture
  for (const [slot, { first, last }] of uses) {
    const size = slots.largest.get(slot) as TextureSize;
    const free = [...sizes].find(([other, its]) => `${its}` === `${size}` && (busyUntil.get(other) as number) < first);
    if (free === undefined) sizes.set(slot, size);
    else shares.set(slot, free[0]);
    busyUntil.set(free?.[0] ?? slot, last);
  }
  return { sizes, shares, bytes: [...sizes.values()].reduce((sum, size) => sum + textureBytes(size), 0) };
}
