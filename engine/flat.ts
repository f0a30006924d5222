/** Element-wise work: which elements a workgroup of flat.wgsl takes. */
import type { Device } from './device.ts';
import { part } from './wgsl.ts';

/** The part that element-wise kernels are linked with. */
export const flat = await part(import.meta.url, './flat.wgsl');

/** As in flat.wgsl. */
const WORKGROUP = 256;
/**
 * Thread coarsening on a software adapter: elements or vectors of a lane, at most, and workgroups that there should be
 * for its cores.
 */
const [MOST, GROUPS] = [16, 32];

/**
 * The length of a tile, for the parameter `tile`, and how many there are, when n elements or vectors are cut into
 * tiles.
 */
export function flatTiles({ kind }: Pick<Device, 'kind'>, n: number): { readonly tile: number; readonly grid: number } {
  const perLane = kind === 'hardware' ? 1 : Math.min(MOST, Math.max(1, Math.floor(n / (WORKGROUP * GROUPS))));
  const tile = WORKGROUP * perLane;
  return { tile, grid: Math.ceil(n / tile) };
}
