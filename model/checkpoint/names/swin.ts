/**
 * Names of Video Swins: MMAction2's, which are ours, those of its authors' fork of MMAction2, and torchvision's; and of
 * a Swin of pictures, which is one whose windows and patches have one frame.
 */
import type { Row } from './table.ts';

/** Ours as files have them: channels before the kernel. */
export const MMACTION_SWIN: readonly Row[] = [
  ['backbone.patch_embed.proj.weight', 'backbone.patch_embed.proj.weight', 'channels first'],
];

/** The last norm, which MMAction2 numbers by its stage, and the authors do not. All published ones have four stages. */
export const SWIN_FORK: readonly Row[] = [...MMACTION_SWIN, ['backbone.norm3.*', 'backbone.norm.*']];

/** Tables of what a relative position is, and masks: a window and its shift tell them. */
export const SWIN_ASIDE = /\.(relative_position_index|attn_mask)$/;

/** A Swin of pictures as its authors have it, and timm after them. */
const ofPictures = (head: string, ...merging: readonly Row[]): Row[] => [
  ['backbone.patch_embed.proj.weight', 'patch_embed.proj.weight', 'of pictures'],
  ['backbone.norm3.*', 'norm.*'],
  ['cls_head.fc_cls.*', `${head}.*`],
  ...merging,
  ['backbone.*', '*'],
];
export const SWIN_OF_PICTURES = ofPictures('head');

/** The same in timm from 0.9 on: patches are merged where a stage begins, not where the one before it ends. */
export const TIMM_SWIN = ofPictures('head.fc',
  ...[0, 1, 2].map((stage): Row => [`backbone.layers.${stage}.downsample.*`, `layers.${stage + 1}.downsample.*`]));

/** torchvision counts stages and what lies between them in one row. */
export const TORCHVISION_SWIN: readonly Row[] = [
  ['backbone.patch_embed.proj.weight', 'patch_embed.proj.weight', 'channels first'],
  ['backbone.patch_embed.*', 'patch_embed.*'],
  ...[0, 1, 2, 3].flatMap((stage): Row[] => {
    const [ours, theirs] = [`backbone.layers.${stage}.blocks.#`, `features.${2 * stage}.#`];
    return [
      [`${ours}.mlp.fc1.*`, `${theirs}.mlp.0.*`],
      [`${ours}.mlp.fc2.*`, `${theirs}.mlp.3.*`],
      [`${ours}.*`, `${theirs}.*`],
      [`backbone.layers.${stage}.downsample.*`, `features.${2 * stage + 1}.*`],
    ];
  }),
  ['backbone.norm3.*', 'norm.*'],
  ['cls_head.fc_cls.*', 'head.*'],
];
