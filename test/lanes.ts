import type { Program } from '../engine/index.ts';
import * as assert from './assert.ts';

/** Fails unless the lanes of a dispatch's workgroup are a power of two, so that all of its subgroups are full. */
export function checkLanes({ label, program }: { readonly label: string; readonly program: Program }): void {
  const [, size] = /@workgroup_size\((\w+)/.exec(program.code) as RegExpExecArray;
  const lanes = Number.parseInt(new RegExp(`const ${size} = (\\d+)u;`).exec(program.code)?.[1] ?? size, 10);
  assert.ok(Number.isInteger(Math.log2(lanes)), `${label} has workgroups of ${lanes}`);
}
