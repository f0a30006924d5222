/** What one rank of test/mpi_ranks.test.ts does; rank 0 prints what came out as JSON. */
import { createHash } from 'node:crypto';
import { openWorld } from '../../mpi/world.ts';

const [what = 'sums', ...more] = process.argv.slice(2);

/** The same numbers of a rank in every process, of sizes that no two orders of a sum agree on. */
const numbers = (rank: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1 + 17 * rank) * 10 ** ((i + rank) % 5));

const hash = (values: Float32Array) => createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');

const tasks: Readonly<Record<string, () => Promise<void>>> = {
  async sums() {
    const world = await openWorld();
    const counts = more.map(Number);
    const sums: string[] = [];
    for (const count of counts) {
      const values = world.numbers(count);
      values.set(numbers(world.rank, count));
      const anyhow = values.slice();
      await world.sum(values);
      await world.sumAnyhow(anyhow);
      sums.push(hash(values.slice(0, count)));
      const isNear = values.every((value, i) => Math.abs(value - anyhow[i]) <= 1e-5 * 10 ** 5);
      if (!isNear) throw new Error('the sum of the library is another one');
    }
    const bytes = Uint8Array.of(world.rank, 2, 3);
    await world.broadcast(bytes, world.size - 1);
    const all = await world.gather({ rank: world.rank, sums, bytes: [...bytes], onHost: world.host.size,
      library: world.library, text: 'ü'.repeat(world.rank) });
    if (world.rank === 0) process.stdout.write(`${JSON.stringify(all)}\n`);
    await world.end();
  },
  /** The last rank takes part in nothing. */
  async absent() {
    const world = await openWorld(1);
    if (world.rank === world.size - 1) await new Promise((resolve) => setTimeout(resolve, 60_000));
    await world.barrier();
  },
  /** Rank 1 is gone without a word. */
  async killed() {
    const world = await openWorld();
    await world.barrier();
    if (world.rank === 1) process.kill(process.pid, 'SIGKILL');
    await world.barrier();
  },
  /** Rank 1 gives up. */
  async abort() {
    const world = await openWorld();
    if (world.rank === 1) world.abort(7);
    await world.barrier();
  },
};

try {
  await tasks[what]();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(3);
}
