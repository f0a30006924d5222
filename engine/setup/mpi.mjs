/**
 * MPI for tests, without root: where the machine has no launcher of a family, Debian's packages are unpacked in a
 * folder of our own.
 */
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { delimiter, join } from 'node:path';
import { kept } from './cache.mjs';
import { openApt, osRelease, output, unpackPackages } from './debian.mjs';

/** By family: its package, and what Debian calls its launcher. */
const FAMILIES = {
  openmpi: { packages: ['openmpi-bin'], launcher: 'mpirun.openmpi', size: 'about 6 MB' },
  mpich: { packages: ['mpich'], launcher: 'mpirun.mpich', size: 'about 9 MB' },
};

/** Open MPI speaks only if it may run as root, and runs on as few cores as there are. */
const OPEN_MPI = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };

/**
 * Memory and sockets alone. What is for network cards cannot be opened in whole from an unpacked folder, and a process
 * with threads now and then dies in the loader while it is tried.
 */
const WITHOUT_CARDS = { OMPI_MCA_pml: 'ob1', OMPI_MCA_btl: 'self,vader,tcp', OMPI_MCA_mtl: '^ofi,psm,psm2',
  OMPI_MCA_osc: '^ucx' };

const isThere = (path) => access(path).then(() => true, () => false);

async function inPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (await isThere(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

async function fetchFamily(family, folder, say) {
  const { packages, size } = FAMILIES[family];
  const work = join(folder, 'work');
  await mkdir(work);
  const { apt, unread, system } = await openApt(work, () => say(`fetching ${family} (${size}, once) …`));
  const plan = await apt('apt-get', 'install', '-s', '-qq', ...packages);
  const planned = [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm)].map(([, name, version]) =>
    `${name}=${version}`
  );
  if (planned.length === 0) throw new Error(unread?.message ?? `${system} has no ${family}`);
  const root = await unpackPackages(apt, work, planned);
  // pages for people, among them links to what is not there
  for (const name of ['doc', 'man']) await rm(join(root, 'usr/share', name), { recursive: true, force: true });
  await rename(root, join(folder, 'root'));
  await rm(work, { recursive: true });
  return { packages: planned };
}

/** The folder with shared libraries of an unpacked system: usr/lib/x86_64-linux-gnu. */
async function librariesOf(root) {
  const names = await readdir(join(root, 'usr/lib'));
  return join(root, 'usr/lib', names.find((name) => name.endsWith('-linux-gnu')) ?? '');
}

/**
 * The launcher of a family and the environment it needs: the machine's, or one that is fetched.
 * @throws {Error} why there is none
 */
export async function findMpi(family, say) {
  const { launcher } = FAMILIES[family];
  const own = family === 'openmpi' ? OPEN_MPI : {};
  const installed = await inPath(launcher);
  if (installed !== undefined) return { launcher: installed, environment: own };
  const { ID = 'linux', VERSION_ID = 'rolling' } = await osRelease();
  const { home } = await kept(`${family}-${ID}-${VERSION_ID}-${arch()}`, { say,
    build: (folder) => fetchFamily(family, folder, say) });
  const root = join(home, 'root');
  const libraries = await librariesOf(root);
  const before = (name, path) => [path, process.env[name]].filter(Boolean).join(delimiter);
  const environment = { ...own, PATH: before('PATH', join(root, 'usr/bin')),
    LD_LIBRARY_PATH: before('LD_LIBRARY_PATH', libraries) };
  if (family === 'openmpi') {
    Object.assign(environment, { OPAL_PREFIX: join(root, 'usr'),
      OMPI_MCA_mca_base_component_path: join(libraries, 'openmpi/lib/openmpi3') }, WITHOUT_CARDS);
  }
  const found = join(root, 'usr/bin', launcher);
  // a launcher that does not start is none
  await output(found, ['--version'], { env: environment });
  return { launcher: found, environment };
}
