/**
 * The process of one peer for one task: prepares it, computes it once for the check, and then times rounds when it is
 * asked to.
 */
import { waitWithoutSpinning } from '../../engine/patience.ts';
import { pretendBrowser } from './dawn.ts';
import { laidBack, laidOut } from './layout.ts';
import { OURS, type PeerName, PEERS } from './outcome.ts';
import type { Answer, Request } from './process.ts';
import type { Peer, Running } from './task.ts';
import { tasks } from './tasks.ts';

/** Milliseconds that this process sleeps between two looks at whether the GPU is done; the same for every library. */
const NAP = 0.5;

const LIBRARIES: Readonly<Record<PeerName, () => Promise<Peer>>> = {
  Firstlight: async () => (await import('./firstlight.ts')).peer,
  'TensorFlow.js': async () => (await import('./tensorflow.ts')).peer,
  'jax-js': async () => (await import('./jax_js.ts')).peer,
  'ONNX Runtime': async () => (await import('./onnx_runtime.ts')).peer,
  'ONNX Runtime CPU, 1 thread': async () => (await import('./onnx_runtime_cpu.ts')).peerOn(1),
  'ONNX Runtime CPU': async () => (await import('./onnx_runtime_cpu.ts')).peerOn(0),
  'PyTorch CPU, 1 thread': async () => (await import('./torch_cpu.ts')).peerOn(1),
  'PyTorch CPU': async () => (await import('./torch_cpu.ts')).peerOn(0),
};

let peer: Peer | undefined;
let running: Running | undefined;

async function answer(request: Request): Promise<Answer> {
  const task = tasks.find(({ name }) => name === request.task);
  if (task === undefined) throw new Error(`no task is named ${request.task}`);
  if (request.what === 'ways') {
    if (request.peer !== OURS && (PEERS as readonly string[]).includes(request.peer)) await pretendBrowser();
    peer = await LIBRARIES[request.peer]();
    const ways = peer.ways(task);
    return ways.length === 0 ? { ways } : { ways, version: await peer.version?.() };
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
