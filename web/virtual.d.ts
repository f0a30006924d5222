/** Made by build/rooms.ts from kernels/index.ts. */
declare module 'virtual:rooms' {
  import type { Room } from '../kernels/shared/room.ts';

  /** Loads the cases of each room, by its name. */
  export const rooms: Readonly<Record<string, () => Promise<{ readonly room: Room }>>>;
}

/** Made by build/lesson.ts. */
declare module 'virtual:lesson' {
  export const lesson: import('./training/lesson.ts').Lesson;
}

/** Made by build/merges.ts. */
declare module 'virtual:clip_merges' {
  /** CLIP's list of merges, `bpe_simple_vocab_16e6.txt`. */
  export const merges: string;
}

/** Made by Vite: the address of a worker's script. */
declare module '*?worker&url' {
  const address: string;
  export default address;
}
