/**
 * All rooms. Adding a kernel is one folder and one line here: tests, benchmark and the browser pick it up from its
 * cases.
 */
import type { Room } from './shared/room.ts';

const files = [
  // the way: each has one new idea
  () => import('./gelu/cases.ts'),
  () => import('./softmax/cases.ts'),
  () => import('./layernorm/cases.ts'),
  () => import('./cross_entropy/cases.ts'),
  () => import('./matmul/cases.ts'),
  () => import('./attention/cases.ts'),
  // element by element
  () => import('./elementwise/cases.ts'),
  () => import('./dropout/cases.ts'),
  () => import('./blend/cases.ts'),
  // along rows
  () => import('./reduce/cases.ts'),
  () => import('./cumsum/cases.ts'),
  () => import('./topk/cases.ts'),
  () => import('./rmsnorm/cases.ts'),
  () => import('./normalize/cases.ts'),
  () => import('./losses/cases.ts'),
  // from place to place
  () => import('./rearrange/cases.ts'),
  () => import('./embedding/cases.ts'),
  () => import('./gather/cases.ts'),
  // of pictures
  () => import('./patchify/cases.ts'),
  () => import('./frames/cases.ts'),
  // a step of training
  () => import('./grad_norm/cases.ts'),
  () => import('./adamw/cases.ts'),
  () => import('./sgd/cases.ts'),
];

const all: Room[] = [];
// one after another: rooms share files that wait for their WGSL, and not every engine is right about two that wait for
// the same one
for (const load of files) all.push((await load()).room);

export const rooms: readonly Room[] = all;
