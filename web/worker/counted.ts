import type { Gpu } from '../../engine/index.ts';
import { columnAsWritten, countTurns } from '../wgsl/turns.ts';

/**
 * From now on every program that a context compiles has a counter in each loop: one that has made `most` turns in a
 * call of its function ends, and writes into the guard of a tensor, if `tellsOfTurns`. What the compiler objects to is
 * told at its place in the text without counters.
 */
export function compileCounted({ device }: Gpu, most: number, { tellsOfTurns }: { tellsOfTurns: boolean }): void {
  const create = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    const written = [{ file: 'program', text: descriptor.code }];
    const code = countTurns(written, most, { tellsOfTurns }).map(({ text }) => text).join('\n');
    const module = create({ ...descriptor, code });
    const informed = module.getCompilationInfo.bind(module);
    module.getCompilationInfo = async () => {
      const { messages } = await informed();
      const placed = messages.map(({ message, type, lineNum, linePos, offset, length }) => ({ message, type, lineNum,
        linePos: columnAsWritten(written, most, 'program', lineNum, linePos), offset, length })
      );
      return { messages: placed } as unknown as GPUCompilationInfo;
    };
    return module;
  };
}
