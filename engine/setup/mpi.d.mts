/** A launcher of MPI, and what its environment must hold. */
export interface FoundMpi {
  readonly launcher: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The launcher of a family: the machine's, or one that is fetched. @throws {Error} why there is none */
export function findMpi(family: 'openmpi' | 'mpich', say: (line: string) => void): Promise<FoundMpi>;
