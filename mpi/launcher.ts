/** Who started this process: a launcher of MPI tells each of its processes by the environment. */

/** What a launcher says of a process. */
export interface Launched {
  /** Named as its users do. */
  readonly launcher: 'Open MPI' | 'Slurm' | 'MPICH';
  readonly rank: number;
  /** How many processes there are; undefined where the launcher keeps that for MPI alone. */
  readonly size: number | undefined;
  /** The process's number on its host; undefined where the launcher does not say. */
  readonly localRank: number | undefined;
}

/** Names of the variables, by launcher. A process of `mpirun` inside of a job of Slurm has both, and is mpirun's. */
const VARIABLES = [
  { launcher: 'Open MPI', rank: 'OMPI_COMM_WORLD_RANK', size: 'OMPI_COMM_WORLD_SIZE',
    localRank: 'OMPI_COMM_WORLD_LOCAL_RANK' },
  { launcher: 'MPICH', rank: 'PMI_RANK', size: 'PMI_SIZE', localRank: 'MPI_LOCALRANKID' },
  // mpirun -pmi-port
  { launcher: 'MPICH', rank: 'PMI_ID', size: undefined, localRank: 'MPI_LOCALRANKID' },
  { launcher: 'Slurm', rank: 'SLURM_PROCID', size: 'SLURM_NTASKS', localRank: 'SLURM_LOCALID' },
] as const;

function numberIn(environment: Readonly<Record<string, string | undefined>>, name: string | undefined):
  | number
  | undefined {
  const text = name === undefined ? undefined : environment[name];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * What the launcher says of this process; undefined if no launcher started it. A single task of Slurm is none: a batch
 * script and a shell of `srun --pty` look the same.
 */
export function launchedAs(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Launched | undefined {
  for (const { launcher, rank, size, localRank } of VARIABLES) {
    const own = numberIn(environment, rank);
    if (own === undefined) continue;
    const launched = { launcher, rank: own, size: numberIn(environment, size),
      localRank: numberIn(environment, localRank) };
    if (launcher !== 'Slurm' || (launched.size ?? 1) > 1) return launched;
  }
  return undefined;
}
