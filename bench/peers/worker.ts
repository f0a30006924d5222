/**
 * The process of one peer for one task: prepares it, computes it once for the check, and then times rounds when it is
 * asked to.
 */
import { waitWithoutSpinning } from '../../engine/patience.ts';
import { pretendBrowser } from './dawn.ts';
import { laidBack, laidOut } from './layout.ts';
import type { Answer, Request } from './process.ts';
import type { Peer, Running } from './task.ts';
import { tasks } from './tasks.ts';

/** Milliseconds that this process sleeps between two looks at whether the GPU is done; the same for every library. */
const NAP = 0.5;

const PEERS: Readonly<Record<string, () => Promise<{ readonly peer: Peer }>>> = {
  Firstlight: () => import('./firstlight.ts'),
  'TensorFlow.js': () => import('./tensorflow.ts'),
  'jax-js': () => import('./jax_js.ts'),
  'ONNX Runtime': () => import('./onnx_runtime.ts'),
};

let peer: Peer | undefined;
let running: Running | undefined;

async function answer(request: Request): Promise<Answer> {
  const task = tasks.find(({ name }) => name === request.task);
  if (task === undefined) throw new Error(`no task is named ${request.task}`);
  if (request.what === 'ways') {
    if (request.peer !== 'Firstlight') await pretendBrowser();
    peer = (await PEERS[request.peer]()).peer;
    return { ways: peer.ways(task) };
  }
  if (request.what === 'first') {
    const start = performance.now();
    running = await peer?.prepare(laidOut(task, peer.layout), request.way);
    const prepared = performance.now();
    const outputs = await waitWithoutSpinning((running as Running).outputs(), NAP);
    const milliseconds = [prepared - start, performance.now() - prepared];
    return { outputs: laidBack(outputs, task, peer?.layout), milliseconds };
  }
  const start = performance.now();
  await waitWithoutSpinning((running as Running).round(request.calls), NAP);
  return { milliseconds: [performance.now() - start] };
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.(value),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? error.message : String(error) } satisfies Answer),
  );
});
