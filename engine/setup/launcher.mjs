/** Who started this process, and which device it is to take: a launcher of MPI tells by the environment. */

/**
 * Names of the variables, by launcher. A process of `mpirun` inside of a job of Slurm has both, and is mpirun's.
 * Slurm's tasks are those of the step: of a batch script's several SLURM_NTASKS tells within the script, too, which is
 * one process; only `srun` sets SLURM_STEP_NUM_TASKS. With `--mpi=pmi2` it speaks as MPICH's launcher does, but for the
 * number on the host.
 */
const VARIABLES = [
  { launcher: 'Open MPI', rank: 'OMPI_COMM_WORLD_RANK', size: 'OMPI_COMM_WORLD_SIZE',
    localRank: ['OMPI_COMM_WORLD_LOCAL_RANK'] },
  { launcher: 'MPICH', rank: 'PMI_RANK', size: 'PMI_SIZE', localRank: ['MPI_LOCALRANKID', 'SLURM_LOCALID'] },
  { launcher: 'MPICH', rank: 'PMI_ID', localRank: ['MPI_LOCALRANKID'] }, // mpirun -pmi-port
  { launcher: 'Slurm', rank: 'SLURM_PROCID', size: 'SLURM_STEP_NUM_TASKS', localRank: ['SLURM_LOCALID'] },
];

function numberIn(environment, name) {
  const text = name === undefined ? undefined : environment[name];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function launchedAs(environment = process.env) {
  for (const { launcher, rank, size, localRank } of VARIABLES) {
    const own = numberIn(environment, rank);
    if (own === undefined) continue;
    const onHost = localRank.find((name) => numberIn(environment, name) !== undefined);
    const launched = { launcher, rank: own, size: numberIn(environment, size),
      localRank: numberIn(environment, onHost) };
    if (launcher !== 'Slurm' || (launched.size ?? 1) > 1) return launched;
  }
  return undefined;
}

export function deviceSettings(environment = process.env) {
  const { FIRSTLIGHT_DEVICES: listed } = environment;
  const rank = launchedAs(environment)?.localRank;
  if (listed === undefined || listed.trim() === '' || rank === undefined) return {};
  const devices = listed.split(';').map((each) => each.trim());
  const own = devices[rank];
  if (own === undefined || own === '') {
    throw new Error(
      `FIRSTLIGHT_DEVICES has ${devices.length} ${
        devices.length === 1 ? 'entry' : 'entries'
      } between semicolons, and this is rank ${rank} of its host, from 0`,
    );
  }
  if (!own.includes('=')) return { FIRSTLIGHT_DEVICE: own };
  return Object.fromEntries(own.split(/\s+/).map((setting) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(setting) ?? [];
    if (name === undefined) throw new Error(`FIRSTLIGHT_DEVICES: "${setting}" is not NAME=VALUE`);
    return [name, value];
  }));
}
