/**
 * What files hold beside parameters, and a model here does not: statistics of pixels are taken, what windows tell is
 * compared with what it should be.
 */
import { CheckpointFormatError, sameShape, type Shape, sizeOf } from '../../engine/index.ts';
import type { ModelConfig } from '../systems/config.ts';
import type { Statistics } from './preprocessor.ts';
import type { Weights } from './weights.ts';
import { blocksOf, positionIndex, shiftMask } from './window_buffers.ts';

/** What MMAction2's first versions hold beside the parameters. */
const HELD = { mean: 'data_preprocessor.mean', std: 'data_preprocessor.std' };

/** Statistics of pixels that files hold themselves: nothing, if they do not. */
export async function heldStatistics(weights: Weights): Promise<Partial<Statistics>> {
  const channels = async (name: string) => {
    const shape = weights.shape(name);
    if (shape === undefined) return undefined;
    if (sizeOf(shape) !== 3) {
      throw new CheckpointFormatError('WrongShape', weights.path, `is [${shape}], expected three numbers`, name);
    }
    return Array.from(await weights.read(name, shape)) as unknown as Statistics['mean'];
  };
  const [mean, std] = [await channels(HELD.mean), await channels(HELD.std)];
  if (mean === undefined || std === undefined) return {};
  if (mean.every(Number.isFinite) && std.every((value) => value > 0 && Number.isFinite(value))) return { mean, std };
  throw new CheckpointFormatError('OutOfRange', weights.path, `holds ${std}, and the mean ${mean}: no statistics`,
    HELD.std);
}

/**
 * Compares the buffers that files of a Swin hold with those of its windows.
 *
 * @throws CheckpointFormatError OtherWindows naming the first that differs, and what was expected
 */
export async function checkWindowBuffers(weights: Weights, config: ModelConfig): Promise<void> {
  if (config.system !== 'video-swin') return;
  const { window } = config.network;
  const tokens = sizeOf(window);
  let index: Uint32Array | undefined;
  const compare = async (name: string, read: 'counts' | 'read', wanted: (own: Shape) => Shape,
    values: (own: Shape) => ArrayLike<number>) => {
    const [part] = weights.stored(name, []).parts;
    const own = weights.shape(part);
    if (own === undefined) return;
    const differs = (message: string) =>
      new CheckpointFormatError('OtherWindows', weights.path, `${message}: the file is of other windows`, part);
    const shape = wanted(own);
    if (!sameShape(own, shape)) throw differs(`is [${own}], windows of ${window.join(' x ')} have [${shape}]`);
    const [held, right] = [await weights[read](name, own), values(own)];
    const place = held.findIndex((value, i) => value !== right[i]);
    if (place >= 0) {
      throw differs(`holds ${held[place]} at place ${place}, windows of ${window.join(' x ')} have ${right[place]}`);
    }
  };
  // torchvision's index has one axis
  const ofPairs = ({ length }: Shape) => (length === 1 ? [tokens * tokens] : [tokens, tokens]);
  const sideOf = ([windows]: Shape) => Math.round(Math.sqrt(windows));
  for (const block of blocksOf(config.network)) {
    await compare(`${block}.attn.relative_position_index`, 'counts', ofPairs, () => index ??= positionIndex(window));
    await compare(`${block}.attn_mask`, 'read', (own) => [sideOf(own) ** 2, tokens, tokens], (own) =>
      shiftMask(sideOf(own), window.slice(-2)));
  }
}
