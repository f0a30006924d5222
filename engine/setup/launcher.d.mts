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

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the launcher says of this process; undefined if no launcher started it. A batch script of Slurm is one process,
 * whatever the number of its tasks, and so is a step of one task, such as a shell of `srun --pty`.
 */
export function launchedAs(environment?: Environment): Launched | undefined;

/**
 * What FIRSTLIGHT_DEVICES sets for this process, by its number on its host: entries between semicolons, each a part of
 * an adapter's name, which becomes FIRSTLIGHT_DEVICE, or settings of the environment, `NAME=VALUE`, between spaces.
 * Nothing where no launcher started it.
 *
 * @throws {Error} if the list is too short, or an entry is neither
 */
export function deviceSettings(environment?: Environment): Record<string, string>;
