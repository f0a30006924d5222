/** Tells on stderr what is odd in a checkpoint, but may be meant, and what of it is assumed. */
import { printable } from '../../engine/shown.ts';

export const tell = (warnings: readonly string[]): void =>
  warnings.forEach((warning) => console.warn(`firstlight: warning: ${printable(warning)}`));
