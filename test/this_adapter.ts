/** What the adapter of this machine offers, for tests that have to know before they open a context of their own. */
import { open } from '../engine/index.ts';
import { findUnits } from '../kernels/shared/matrix.ts';

const gpu = await open();
const { units } = findUnits(gpu.report);
export const here = { features: new Set(gpu.features), kind: gpu.kind, subgroupSize: gpu.subgroupSize, units };
await gpu.close();

/** Reasons to skip a test. */
export const LACKS = {
  f16: 'the adapter lacks shader-f16',
  timestamps: 'the adapter lacks timestamp-query',
  sizeControl: 'the adapter lacks subgroup-size-control',
  matrices: 'subgroups have no one size here, so nobody knows how many a workgroup has',
  units: 'the adapter has no matrix units',
} as const;
