/** `firstlight doctor` of several processes: where each is, what it computes on, and how fast they exchange numbers. */
import type { World } from '../../mpi/world.ts';
import { duration, markdownTable } from '../log/table.ts';

/** Bytes of the exchange that is timed: some four buckets of a gradient. */
const EXCHANGED = 64e6;
/** The first one makes connections. */
const ROUNDS = 4;

/** What a process found out of itself. */
interface Found {
  readonly adapter: { readonly name: string; readonly driver: string } | null;
  readonly canTrain: boolean;
  readonly failure?: string;
}

/** What all are told of one. */
interface OfRank extends Pick<Found, 'canTrain' | 'failure'> {
  readonly host: string;
  readonly adapter: string;
  readonly driver: string;
}

/** What `--json` prints. */
export interface RanksDiagnosis {
  readonly library: string | undefined;
  readonly ranks: readonly OfRank[];
  /** Bytes that a sum over all ranks is made of, the seconds it takes, and what of it each rank sends in a second. */
  readonly exchange: { readonly bytes: number; readonly seconds: number; readonly bytesPerSecond: number };
  readonly remedies: readonly string[];
}

/** What a person should know of processes that differ, and of ranks that cannot train. */
export function remediesOf(ranks: readonly OfRank[]): readonly string[] {
  const adapters = new Set(ranks.map(({ adapter, driver }) => `${adapter}, ${driver}`));
  return [
    ...ranks.flatMap(({ host, canTrain, failure }, rank) =>
      canTrain ? [] : [`rank ${rank} on ${host} cannot train: ${failure ?? 'it has no adapter'}`]
    ),
    ...(adapters.size > 1
      ? [
        'the ranks have different adapters, whose weights would drift apart: start all of them on one kind, or set run.mixedAdapters',
      ]
      : []),
  ];
}

/** Seconds of a sum over all ranks; the slowest rank's, of the best round. */
async function exchangeSeconds(world: World): Promise<number> {
  const values = world.numbers(EXCHANGED / Float32Array.BYTES_PER_ELEMENT);
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await world.barrier();
    const start = performance.now();
    await world.sum(values);
    seconds.push(Math.max(...(await world.gather((performance.now() - start) / 1000))));
  }
  return Math.min(...seconds);
}

function text({ library, ranks, exchange, remedies }: RanksDiagnosis): string {
  const hosts = new Set(ranks.map(({ host }) => host)).size;
  const table = markdownTable(['rank', 'host', 'adapter', 'driver', 'a kernel'],
    ranks.map(({ host, adapter, driver, canTrain }, rank) => [
      String(rank),
      host,
      adapter,
      driver,
      canTrain ? 'was right' : 'did not run',
    ]));
  return `${table}

MPI        ${library}, ${ranks.length} ranks on ${hosts} ${hosts === 1 ? 'host' : 'hosts'}
exchange   a sum of ${exchange.bytes / 1e6} MB in ${duration(exchange.seconds * 1e9)}: each rank sends ${
    (exchange.bytesPerSecond / 1e9).toFixed(2)
  } GB/s
${remedies.map((remedy) => `  - ${remedy}\n`).join('')}`;
}

/** Gathers what each process found, times the exchange, and lets rank 0 print it. Returns the exit status. */
export async function doctorOfRanks(world: World, { adapter, canTrain, failure }: Found,
  json: boolean): Promise<number> {
  const ranks = await world.gather<OfRank>({ host: world.host.name, adapter: adapter?.name ?? 'none',
    driver: adapter?.driver ?? 'none', canTrain, failure });
  const seconds = await exchangeSeconds(world);
  const sent = (2 * (world.size - 1) * EXCHANGED) / world.size;
  const all: RanksDiagnosis = { library: world.library, ranks,
    exchange: { bytes: EXCHANGED, seconds, bytesPerSecond: sent / seconds }, remedies: remediesOf(ranks) };
  if (world.rank === 0) process.stdout.write(json ? `${JSON.stringify(all, null, 2)}\n` : text(all));
  await world.end();
  return ranks.every((rank) => rank.canTrain) ? 0 : 4;
}
