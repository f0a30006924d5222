/**
 * One thread of what processor.ts measures. JavaScript, because Node 20 hands no loader of TypeScript down to its
 * threads.
 */
import { parentPort, workerData } from 'node:worker_threads';

/** @type {import('./processor.ts').Chains} */
const { module, rounds, runs, threads, arrivals } = workerData;
const { chains } = new WebAssembly.Instance(module).exports;

/** Waits until all threads are here for the `run`th time. Spinning: whoever sleeps starts late. */
function meet(run) {
  Atomics.add(arrivals, 0, 1);
  while (Atomics.load(arrivals, 0) < threads * run);
}

const times = [];
for (let run = 1; run <= runs; run++) {
  meet(run);
  const start = process.hrtime.bigint();
  const sum = chains(rounds, 0.5, 1); // ten chains run to 2, where no machine is slower than elsewhere
  times.push(Number(process.hrtime.bigint() - start));
  if (sum !== 20) throw new Error(`fused.wat: ten chains that run to 2 came to ${sum}`);
}
parentPort.postMessage(times);
