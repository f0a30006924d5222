import { formatBytes } from '../../engine/errors.ts';

/** 1 GiB, 1.5 GiB. */
export function size(bytes: number): string {
  return formatBytes(bytes).replace(/(\.0)?( \w+) \(.*/, '$2');
}
