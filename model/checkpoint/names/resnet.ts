/**
 * Names of ResNets on videos: MMAction2's, which are ours, those of TSM's authors, and torchvision's of pictures. A
 * convolution that shifts channels is wrapped, which MMAction2 and TSM's authors show in its name.
 */
import type { Row } from './table.ts';

/** Ours as files have them: channels before the kernel. */
export const MMACTION_RESNET: readonly Row[] = [
  ['backbone.conv1.conv.weight', 'backbone.conv1.conv.weight', 'channels first'],
  ['backbone.layer#.#.conv#.conv.weight', 'backbone.layer#.#.conv#.conv.weight', 'channels first'],
  ['backbone.layer#.#.conv#.conv.net.weight', 'backbone.layer#.#.conv#.conv.net.weight', 'channels first'],
  ['backbone.layer#.#.downsample.conv.weight', 'backbone.layer#.#.downsample.conv.weight', 'channels first'],
];

/** Names of a ResNet as torchvision has it. @param prefix of all but the head  @param head its name */
export const torchvisionResNet = (prefix: string, head: string): Row[] => [
  ['backbone.conv1.conv.weight', `${prefix}conv1.weight`, 'channels first'],
  ['backbone.conv1.bn.*', `${prefix}bn1.*`],
  ['backbone.layer#.#.conv#.conv.net.weight', `${prefix}layer#.#.conv#.net.weight`, 'channels first'],
  ['backbone.layer#.#.conv#.conv.weight', `${prefix}layer#.#.conv#.weight`, 'channels first'],
  ['backbone.layer#.#.conv#.bn.*', `${prefix}layer#.#.bn#.*`],
  ['backbone.layer#.#.downsample.conv.weight', `${prefix}layer#.#.downsample.0.weight`, 'channels first'],
  ['backbone.layer#.#.downsample.bn.*', `${prefix}layer#.#.downsample.1.*`],
  ['cls_head.fc_cls.*', `${head}.*`],
];

/** A ResNet that shifts, by the parameters of one that does not. */
export const UNSHIFTED: readonly Row[] = [
  ['backbone.layer#.#.conv#.conv.net.weight', 'backbone.layer#.#.conv#.conv.weight'],
  ['backbone.*', 'backbone.*'],
];
