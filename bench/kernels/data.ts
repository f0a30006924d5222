/** What `npm run bench` leaves of the kernels. */
import type { Roofs } from '../roofs/index.ts';
import type { Row } from './row.ts';

export const KIND = 'kernels';
export const RESULTS_FILE = 'kernels.json';
/** A run in which something cannot be; not for a repository. */
export const REJECTED_FILE = 'kernels.rejected.json';

export interface KernelData {
  readonly roofs: Roofs;
  /** What the GPU was timed by: timestamps around each dispatch, if it does not say. */
  readonly clock?: string;
  readonly rows: readonly Row[];
}
