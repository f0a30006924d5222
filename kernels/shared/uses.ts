/** What kernels use of a device, and what for; doctor, in Node and on its page, says whether it is there. */

import { formatBytes } from '../../engine/index.ts';

/** Optional features of WebGPU. Without any of them every kernel still runs. */
export const FEATURES: Readonly<Record<string, string>> = {
  'shader-f16': 'half-precision storage',
  subgroups: 'faster sums and products',
  'subgroup-size-control': 'matrix units where the size of subgroups varies',
  'timestamp-query': 'time of each kernel',
  'chromium-experimental-subgroup-matrix': 'tensor cores',
};

/** A limit of a device. */
export interface LimitUse {
  readonly is: string;
  readonly unit: 'bytes' | 'count';
  /** What every device of WebGPU offers; no kernel needs more. */
  readonly least: number;
  /** What more of it is good for. */
  readonly more: string;
}

export const LIMITS = {
  maxBufferSize: { is: 'largest buffer', unit: 'bytes', least: 2 ** 28, more: 'larger batches' },
  maxStorageBufferBindingSize: { is: 'largest tensor that a kernel sees at once', unit: 'bytes', least: 2 ** 27,
    more: 'large tensors are not cut into ranges' },
  maxComputeWorkgroupStorageSize: { is: 'memory of a workgroup', unit: 'bytes', least: 2 ** 14,
    more: 'larger tiles of products and attention' },
  maxComputeInvocationsPerWorkgroup: { is: 'threads of a workgroup', unit: 'count', least: 256,
    more: 'larger tiles of products' },
} as const satisfies Readonly<Record<string, LimitUse>>;

/** A limit as a person reads it. */
export function amount(value: number, unit: LimitUse['unit']): string {
  return unit === 'bytes' ? formatBytes(value).replace(/ \(.*/, '') : value.toLocaleString('en-US');
}
