/** Element-wise work: which elements a workgroup of flat.wgsl takes. */
import type { Device } from './device.ts';
import { part } from './wgsl.ts';

/** The part that element-wise kernels are linked with. */
export const flat = await part(import.meta.url, './flat.wgsl');

/** As in flat.wgsl. */
const WORKGROUP = 256;
/** On a software adapter: elements or vectors of a lane, at most, and workgroups that there should be for its cores. */
const [MOST, GROUPS] = [16, 32];

/** The length of a run, for the parameter `run`, and how many there are, when n elements or vectors are cut into runs. */
export function runsOf({ kind }: Pick<Device, 'kind'>, n: number): { readonly run: number; readonly grid: number } {
  const perLane = kind === 'hardware' ? 1 : Math.min(MOST, Math.max(1, Math.floor(n / (WORKGROUP * GROUPS))));
  const run = WORKGROUP * perLane;
  return { run, grid: Math.ceil(n / run) };
}
