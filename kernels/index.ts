/**
 * All rooms. Adding a kernel is one folder, one line here, and its name in the list: tests, benchmark and the browser
 * pick it up from its cases.
 */
import type { Room } from './shared/room.ts';
// the way: each has one new idea
import { room as gelu } from './gelu/cases.ts';
import { room as softmax } from './softmax/cases.ts';
import { room as layernorm } from './layernorm/cases.ts';
import { room as crossEntropy } from './cross_entropy/cases.ts';
import { room as matmul } from './matmul/cases.ts';
import { room as attention } from './attention/cases.ts';
// element by element
import { room as elementwise } from './elementwise/cases.ts';
import { room as dropout } from './dropout/cases.ts';
import { room as blend } from './blend/cases.ts';
// along rows
import { room as reduce } from './reduce/cases.ts';
import { room as cumsum } from './cumsum/cases.ts';
import { room as topk } from './topk/cases.ts';
import { room as rmsnorm } from './rmsnorm/cases.ts';
import { room as batchnorm } from './batchnorm/cases.ts';
import { room as normalize } from './normalize/cases.ts';
import { room as losses } from './losses/cases.ts';
// from place to place
import { room as rearrange } from './rearrange/cases.ts';
import { room as embedding } from './embedding/cases.ts';
import { room as gather } from './gather/cases.ts';
// of pictures
import { room as patchify } from './patchify/cases.ts';
import { room as frames } from './frames/cases.ts';
import { room as colour } from './colour/cases.ts';
import { room as convolution } from './convolution/cases.ts';
import { room as pool } from './pool/cases.ts';
import { room as temporalShift } from './temporal_shift/cases.ts';
import { room as windows } from './windows/cases.ts';
// a step of training
import { room as gradNorm } from './grad_norm/cases.ts';
import { room as adamw } from './adamw/cases.ts';
import { room as sgd } from './sgd/cases.ts';
import { room as wire } from './wire/cases.ts';

/** All rooms, each with its kernels, cases and workloads. */
export const rooms: readonly Room[] = [
  gelu,
  softmax,
  layernorm,
  crossEntropy,
  matmul,
  attention,
  elementwise,
  dropout,
  blend,
  reduce,
  cumsum,
  topk,
  rmsnorm,
  batchnorm,
  normalize,
  losses,
  rearrange,
  embedding,
  gather,
  patchify,
  frames,
  colour,
  convolution,
  pool,
  temporalShift,
  windows,
  gradNorm,
  adamw,
  sgd,
  wire,
];
