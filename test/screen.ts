/** What a person would see. */
import { PassThrough } from 'node:stream';

/** A stream that keeps what is written, with or without a terminal behind it. */
export function screen(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120 }) as unknown as
    & NodeJS.WriteStream
    & PassThrough;
  return { stream, text: () => String(stream.read() ?? '') };
}
