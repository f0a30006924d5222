/** Names of Video Swins: MMAction2's, which are ours. */
import type { Row } from './table.ts';

/** Ours as files have them: channels before the kernel. */
export const MMACTION_SWIN: readonly Row[] = [
  ['backbone.patch_embed.proj.weight', 'backbone.patch_embed.proj.weight', 'channels first'],
];
