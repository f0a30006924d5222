/**
 * What the processor of a software adapter could do at most: the roof of its fused product-and-sum instructions, which
 * its shader compiler may not use.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import wabt from 'wabt';

const TEXT = fileURLToPath(new URL('./fused.wat', import.meta.url));
const WORKER = new URL('./processor.worker.mjs', import.meta.url);

/** Operations of a round: ten chains of four numbers, a product and a sum. */
const FLOPS = 10 * 4 * 2;
/** Some 20 ms a run. */
const ROUNDS = 10_000_000;
const RUNS = 12;
/**
 * WebAssembly's vectors hold four numbers; AVX2's instructions take eight, and as many of them start at once on the
 * x86-64 processors of servers since 2019.
 */
const WIDER = process.arch === 'x64' ? 2 : 1;

/** What each thread is told. */
export interface Chains {
  readonly module: WebAssembly.Module;
  readonly rounds: number;
  readonly runs: number;
  readonly threads: number;
  /** How many arrivals there were, of all threads at all runs. */
  readonly arrivals: Int32Array;
}

/**
 * GFLOP/s of f32 by all processors together, a product and a sum being two operations: measured with vectors of 128
 * bits (fused.wat), and counted twice on x86-64 for AVX2's. Every thread does the same work, all begin together, and
 * the last one's time counts; the best of some runs.
 */
export async function measureProcessor(): Promise<number> {
  const { buffer } = (await wabt()).parseWat(TEXT, readFileSync(TEXT, 'utf8'), { relaxed_simd: true }).toBinary({});
  setFlagsFromString('--experimental-wasm-relaxed-simd'); // a matter of course from Node 22 on
  const threads = availableParallelism();
  const arrivals = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const chains: Chains = { module: await WebAssembly.compile(new Uint8Array(buffer)), rounds: ROUNDS, runs: RUNS,
    threads, arrivals };
  const times = await Promise.all(Array.from({ length: threads }, () => timesOf(chains)));
  const longest = Array.from({ length: RUNS }, (_, run) => Math.max(...times.map((each) => each[run])));
  return (WIDER * threads * ROUNDS * FLOPS) / Math.min(...longest);
}

/** Nanoseconds of each run in one thread. */
function timesOf(chains: Chains): Promise<readonly number[]> {
  return new Promise((resolve, reject) =>
    new Worker(WORKER, { workerData: chains }).on('message', resolve).on('error', reject)
  );
}
