/**
 * A private lavapipe (Mesa's software Vulkan driver) for Debian and Ubuntu, without root: the packages that this
 * machine lacks are unpacked in a folder of our own, and only the libraries that the driver needs are kept.
 */
import { copyFile, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { openApt, osRelease, output, unpackPackages } from './debian.mjs';

/** Older Mesa lacks what Dawn asks of a Vulkan driver. */
const LEAST_MESA = 25;
const DRIVER = 'libvulkan_lvp.so';
const LOADER = 'libvulkan.so.1';
/** Replacing these under a running program breaks it: the system's own must do. */
const NEVER_REPLACED = /^(libc6|libc-bin|libgcc-s1|base-files)$/;

/** The folder's name: a home may be shared by machines of several kinds. */
export async function lavapipeName() {
  const { ID = 'linux', VERSION_ID = 'rolling' } = await osRelease();
  return `lavapipe-${ID}-${VERSION_ID}-${arch()}`;
}

/** The newest Mesa on offer, and the suite that has it. */
async function newestMesa(apt) {
  const offers = (await apt('apt-cache', 'madison', 'mesa-vulkan-drivers')).split('\n').map((line) =>
    line.split('|').map((part) => part.trim())
  );
  const versions = offers.filter(([, , source]) => source?.endsWith('Packages')).map(([, version, source]) => ({
    version,
    suite: source.split(' ')[1].split('/')[0],
    major: Number(/^(?:\d+:)?(\d+)/.exec(version)?.[1]),
  }));
  return versions.reduce((best, offer) => (best === undefined || offer.major > best.major ? offer : best), undefined);
}

/**
 * What the dynamic linker makes of `library`: the path of every library that it needs, `undefined` where there is none.
 */
async function needed(library, searched) {
  const text = await output('ldd', [library], { env: { LD_LIBRARY_PATH: searched.join(':') } });
  return [...text.matchAll(/^\s*(\S+) => (?:(\/\S+)|not found)/gm)].map(([, name, path]) => ({ name, path }));
}

/** All files below `folder` whose name passes. */
async function find(folder, passes) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => (entry.isDirectory()
      ? find(join(folder, entry.name), passes)
      : passes(entry.name)
      ? [join(folder, entry.name)]
      : [])
    ),
  );
  return found.flat();
}

/**
 * Copies the driver, the loader and the libraries that they need from the unpacked packages into lib/, and writes the
 * manifest. What the system must go on to supply is returned, so that a later start can see whether it still does.
 */
async function keepNeeded(root, folder, home) {
  const libraries = await find(root, (name) => /\.so(\.\d+)*$/.test(name));
  const searched = [...new Set(libraries.map((path) => dirname(path)))];
  const roots = [DRIVER, LOADER].map((name) => libraries.find((path) => basename(path) === name));
  if (roots.includes(undefined)) throw new Error(`the packages lack ${roots[0] === undefined ? DRIVER : LOADER}`);
  const [driver] = roots;
  const closure = (await Promise.all(roots.map((path) => needed(path, searched)))).flat();
  const absent = closure.filter(({ path }) => path === undefined).map(({ name }) => name);
  if (absent.length > 0) throw new Error(`the packages lack ${absent.join(', ')}`);
  const own = new Map([...roots.map((path) => [basename(path), path]),
    ...closure.filter(({ path }) => path.startsWith(root)).map(({ name, path }) => [name, path])]);
  await mkdir(join(folder, 'lib'));
  for (const [name, path] of own) await copyFile(await realpath(path), join(folder, 'lib', name));

  const [manifest] = await find(root, (name) => /^lvp_icd\..*json$/.test(name));
  const { ICD, ...rest } = JSON.parse(await readFile(manifest, 'utf8'));
  await writeFile(join(folder, 'lvp_icd.json'),
    JSON.stringify({ ...rest, ICD: { ...ICD, library_path: join(home, 'lib', basename(driver)) } }, null, 2));
  return { libraries: [...own.keys()],
    system: [...new Set(closure.filter(({ path }) => !path.startsWith(root)).map(({ path }) => path))] };
}

/**
 * Fills `folder` with lavapipe: lib/ (the driver, the loader, and what they need beyond the system's own), the driver's
 * manifest, and the facts about it, which it returns. `home` is where the folder will stand in the end.
 */
export async function fetchLavapipe(folder, home, say) {
  const work = join(folder, 'work');
  const { apt, unread, system } = await openApt(work,
    () => say('fetching lavapipe, a software GPU (about 45 MB, once) …'));
  const mesa = await newestMesa(apt);
  if (mesa === undefined) {
    throw new Error(`no package archive could be read: ${unread?.message ?? 'the machine has no source of Mesa'}`);
  }
  if (mesa.major < LEAST_MESA) {
    throw new Error(`${system} offers Mesa ${mesa.version}, Dawn needs ${LEAST_MESA} or newer`);
  }

  const plan = await apt('apt-get', 'install', '-s', '-qq', '-t', mesa.suite, 'mesa-vulkan-drivers', 'libvulkan1');
  const planned = [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm)].map(([, name, version]) => ({ name,
    version })
  );
  const broken = planned.find(({ name }) => NEVER_REPLACED.test(name));
  if (broken !== undefined) throw new Error(`Mesa ${mesa.version} needs a newer ${broken.name} than ${system} has`);
  const wanted = planned.map(({ name, version }) => `${name}=${version}`);
  // both of these even where the system has them: its driver may be too old for Dawn, its loader may be broken
  if (!planned.some(({ name }) => name === 'mesa-vulkan-drivers')) wanted.push(`mesa-vulkan-drivers=${mesa.version}`);
  if (!planned.some(({ name }) => name === 'libvulkan1')) wanted.push('libvulkan1');
  const root = await unpackPackages(apt, work, wanted);

  const facts = { mesa: mesa.version, manifest: 'lvp_icd.json', ...(await keepNeeded(root, folder, home)) };
  await rm(work, { recursive: true });
  return facts;
}
