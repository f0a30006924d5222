import type { Gpu } from '../../engine/index.ts';
import { countTurns } from '../wgsl/turns.ts';

/**
 * From now on every program that a context compiles has a counter in each loop: one that has made `most` turns in a call
 * of its function ends, and writes into the guard of a tensor, if `tellsOfTurns`.
 */
export function compileCounted({ device }: Gpu, most: number, { tellsOfTurns }: { tellsOfTurns: boolean }): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const parts = countTurns([{ file: 'program', text: descriptor.code }], most, { tellsOfTurns });
    return create({ ...descriptor, code: parts.map(({ text }) => text).join('\n') });
  };
}
