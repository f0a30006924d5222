/** All rooms. Adding a kernel is one folder and one line here: tests, benchmark and the browser pick it up from its cases. */
import type { Room } from './shared/room.ts';
import { room as adamw } from './adamw/cases.ts';
import { room as attention } from './attention/cases.ts';
import { room as blend } from './blend/cases.ts';
import { room as cumsum } from './cumsum/cases.ts';
import { room as elementwise } from './elementwise/cases.ts';
import { room as embedding } from './embedding/cases.ts';
import { room as frames } from './frames/cases.ts';
import { room as gather } from './gather/cases.ts';
import { room as gelu } from './gelu/cases.ts';
import { room as gradNorm } from './grad_norm/cases.ts';
import { room as patchify } from './patchify/cases.ts';
import { room as rearrange } from './rearrange/cases.ts';
import { room as layernorm } from './layernorm/cases.ts';
import { room as losses } from './losses/cases.ts';
import { room as matmul } from './matmul/cases.ts';
import { room as normalize } from './normalize/cases.ts';
import { room as reduce } from './reduce/cases.ts';
import { room as rmsnorm } from './rmsnorm/cases.ts';
import { room as sgd } from './sgd/cases.ts';
import { room as crossEntropy } from './cross_entropy/cases.ts';
import { room as topk } from './topk/cases.ts';
import { room as softmax } from './softmax/cases.ts';
import { room as dropout } from './dropout/cases.ts';

export const rooms: readonly Room[] = [
  adamw,
  attention,
  blend,
  cumsum,
  elementwise,
  embedding,
  frames,
  gather,
  gelu,
  gradNorm,
  patchify,
  rearrange,
  layernorm,
  losses,
  matmul,
  normalize,
  reduce,
  topk,
  rmsnorm,
  sgd,
  crossEntropy,
  softmax,
  dropout,
];
