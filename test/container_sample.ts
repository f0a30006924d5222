import { Source } from '../train/data/video/source.ts';

/** Bytes in memory as a file that was opened. @param onRead called for each call of the system */
export function sourceOf(bytes: Buffer, onRead: () => void = () => undefined): Source {
  return new Source(bytes.length, (buffer, position) => {
    onRead();
    return bytes.subarray(position).copy(buffer);
  });
}
