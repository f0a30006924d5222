/**
 * A private lavapipe (Mesa's software Vulkan driver) for Debian and Ubuntu, without root: apt fetches the packages that this
 * machine lacks into a folder of our own, dpkg unpacks them there, and only the libraries that the driver needs are kept.
 * The archive's address, its keys and the proxy are the machine's own; nothing outside the folder is written.
 */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Older Mesa lacks what Dawn asks of a Vulkan driver. */
const LEAST_MESA = 25;
const DRIVER = 'libvulkan_lvp.so';
const LOADER = 'libvulkan.so.1';
/** Replacing these under a running program breaks it: the system's own must do. */
const NEVER_REPLACED = /^(libc6|libc-bin|libgcc-s1|base-files)$/;

/** Runs a program to its end and returns what it printed; throws with its first complaint. */
async function output(program, args, { env = {}, cwd } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, LC_ALL: 'C', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (exitCode === 0) return stdout;
  const complaint = stderr.split('\n').find((line) => /^E:|error/i.test(line)) ?? stderr.trim().split('\n').at(-1);
  throw new Error(`${program} ${args.find((arg) => !arg.startsWith('-')) ?? ''} failed (${exitCode}): ${complaint.replace(/^E: /, '').slice(0, 300)}`);
}

/** The values of /etc/os-release. */
export async function osRelease() {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return Object.fromEntries([...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]));
}

/** The folder's name: a home may be shared by machines of several kinds. */
export async function lavapipeName() {
  const { ID = 'linux', VERSION_ID = 'rolling' } = await osRelease();
  return `lavapipe-${ID}-${VERSION_ID}-${arch()}`;
}

/** One source of packages: [options] uri suite components, as in apt's one-line format. */
function oneLineSources(text) {
  return [...text.matchAll(/^[ \t]*deb[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]+)/gm)].map(([, options = '', uri, suite, components]) => ({
    uri,
    suites: [suite],
    components: components.trim().split(/\s+/),
    keys: /signed-by=(\S+)/i.exec(options)?.[1],
  }));
}

/** The same from apt's deb822 format. Keys may stand in the text itself; they are kept as they are. */
function deb822Sources(text) {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const lines = stanza.split('\n').filter((line) => !line.startsWith('#'));
    const fields = {};
    let field;
    for (const line of lines) {
      const head = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
      if (head !== null) fields[(field = head[1].toLowerCase())] = head[2];
      else if (field !== undefined && /^[ \t]/.test(line)) fields[field] += `\n${line}`;
    }
    const words = (name) => (fields[name] ?? '').split(/\s+/).filter(Boolean);
    if (!words('types').includes('deb') || /^(no|false|0|off|disable)$/i.test(fields.enabled ?? 'yes')) return [];
    return words('uris').map((uri) => ({ uri, suites: words('suites'), components: words('components'), keys: fields['signed-by'] }));
  });
}

/** The distribution's own archives among the machine's sources; those of others are left alone. */
export function distributionSources(texts, codename) {
  const known = new Set(['', '-updates', '-security', '-backports'].map((suffix) => codename + suffix));
  const all = texts.flatMap(({ name, text }) => (name.endsWith('.sources') ? deb822Sources(text) : oneLineSources(text)));
  return all
    .map((source) => ({ ...source, suites: source.suites.filter((suite) => known.has(suite)) }))
    .filter(({ uri, suites, components, keys }) => suites.length > 0 && components.includes('main') && !uri.startsWith('cdrom:') && (keys === undefined || /-archive-|BEGIN PGP/.test(keys)));
}

/** Our list of sources in deb822 format: the machine's, and on Debian the backports of the same archive. */
export function sourceList(sources, codename, distribution) {
  const stanza = ({ uri, suites, components, keys }) =>
    ['Types: deb', `URIs: ${uri}`, `Suites: ${suites.join(' ')}`, `Components: ${components.join(' ')}`, ...(keys === undefined ? [] : [`Signed-By: ${keys}`])].join('\n');
  const main = sources.find(({ suites }) => suites.includes(codename));
  const backports = `${codename}-backports`;
  const missing = distribution === 'debian' && main !== undefined && !sources.some(({ suites }) => suites.includes(backports));
  return [...sources, ...(missing ? [{ ...main, suites: [backports], components: ['main'] }] : [])].map(stanza).join('\n\n');
}

async function machineSources() {
  const folder = '/etc/apt/sources.list.d';
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(folder, name));
  const read = async (name) => ({ name, text: await readFile(name, 'utf8').catch(() => '') });
  return Promise.all(['/etc/apt/sources.list', ...names].map(read));
}

/** An apt that keeps its state in `folder`. Of the machine's settings it takes those on fetching (proxy, certificates). */
async function privateApt(folder, sources) {
  for (const name of ['lists/partial', 'archives/partial', 'sources.d']) await mkdir(join(folder, name), { recursive: true });
  const settings = (await output('apt-config', ['dump'])).split('\n').filter((line) => /^Acquire::[^"]*[^:"] "[^"]+";$/.test(line) && !line.startsWith('Acquire::Languages'));
  const own = {
    'Dir::Etc::main': '/dev/null', // its hooks would clean the system's cache
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(folder, 'sources.d'),
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::extended_states': join(folder, 'extended_states'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'Dir::Log': folder,
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': 'root',
    'APT::Install-Recommends': 'false',
    'APT::Get::List-Cleanup': 'false',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '30',
  };
  const config = join(folder, 'apt.conf');
  await writeFile(config, [...settings, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`), ''].join('\n'));
  await writeFile(join(folder, 'sources.d', 'firstlight.sources'), `${sources}\n`);
  return (program, ...args) => output(program, args, { cwd: folder, env: { APT_CONFIG: config } });
}

/** The newest Mesa on offer, and the suite that has it. */
async function newestMesa(apt) {
  const offers = (await apt('apt-cache', 'madison', 'mesa-vulkan-drivers')).split('\n').map((line) => line.split('|').map((part) => part.trim()));
  const versions = offers.filter(([, , source]) => source?.endsWith('Packages')).map(([, version, source]) => ({ version, suite: source.split(' ')[1].split('/')[0], major: Number(/^(?:\d+:)?(\d+)/.exec(version)?.[1]) }));
  return versions.reduce((best, offer) => (best === undefined || offer.major > best.major ? offer : best), undefined);
}

/** What the dynamic linker makes of `library`: the path of every library that it needs, `undefined` where there is none. */
async function needed(library, searched) {
  const text = await output('ldd', [library], { env: { LD_LIBRARY_PATH: searched.join(':') } });
  return [...text.matchAll(/^\s*(\S+) => (?:(\/\S+)|not found)/gm)].map(([, name, path]) => ({ name, path }));
}

/** All files below `folder` whose name passes. */
async function find(folder, passes) {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(entries.map((entry) => (entry.isDirectory() ? find(join(folder, entry.name), passes) : passes(entry.name) ? [join(folder, entry.name)] : [])));
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
  const own = new Map([...roots.map((path) => [basename(path), path]), ...closure.filter(({ path }) => path.startsWith(root)).map(({ name, path }) => [name, path])]);
  await mkdir(join(folder, 'lib'));
  for (const [name, path] of own) await copyFile(await realpath(path), join(folder, 'lib', name));

  const [manifest] = await find(root, (name) => /^lvp_icd\..*json$/.test(name));
  const { ICD, ...rest } = JSON.parse(await readFile(manifest, 'utf8'));
  await writeFile(join(folder, 'lvp_icd.json'), JSON.stringify({ ...rest, ICD: { ...ICD, library_path: join(home, 'lib', basename(driver)) } }, null, 2));
  return { libraries: [...own.keys()], system: [...new Set(closure.filter(({ path }) => !path.startsWith(root)).map(({ path }) => path))] };
}

/**
 * Fills `folder` with lavapipe: lib/ (the driver, the loader, and what they need beyond the system's own), the driver's
 * manifest, and the facts about it, which it returns. `home` is where the folder will stand in the end.
 */
export async function fetchLavapipe(folder, home, say) {
  const { ID, ID_LIKE = '', VERSION_CODENAME: codename, PRETTY_NAME: system = 'this system' } = await osRelease();
  if (![ID, ...ID_LIKE.split(' ')].some((name) => name === 'debian' || name === 'ubuntu') || codename === undefined) throw new Error(`${system} is neither Debian nor Ubuntu`);
  const sources = distributionSources(await machineSources(), codename);
  if (sources.length === 0) throw new Error(`apt has no source for ${codename} main`);

  const work = join(folder, 'work');
  await mkdir(work, { recursive: true });
  say('fetching lavapipe, a software GPU (about 45 MB, once) …');
  const apt = await privateApt(work, sourceList(sources, codename, ID));
  // one archive of several may be out of reach and the others suffice
  const unread = await apt('apt-get', 'update', '-qq', '-o', 'APT::Update::Error-Mode=any').then(() => undefined, (error) => error);
  const mesa = await newestMesa(apt);
  if (mesa === undefined) throw new Error(`no package archive could be read: ${unread?.message ?? 'the machine has no source of Mesa'}`);
  if (mesa.major < LEAST_MESA) throw new Error(`${system} offers Mesa ${mesa.version}, Dawn needs ${LEAST_MESA} or newer`);

  const plan = await apt('apt-get', 'install', '-s', '-qq', '-t', mesa.suite, 'mesa-vulkan-drivers', 'libvulkan1');
  const planned = [...plan.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm)].map(([, name, version]) => ({ name, version }));
  const broken = planned.find(({ name }) => NEVER_REPLACED.test(name));
  if (broken !== undefined) throw new Error(`Mesa ${mesa.version} needs a newer ${broken.name} than ${system} has`);
  const wanted = planned.map(({ name, version }) => `${name}=${version}`);
  // both of these even where the system has them: its driver may be too old for Dawn, its loader may be broken
  if (!planned.some(({ name }) => name === 'mesa-vulkan-drivers')) wanted.push(`mesa-vulkan-drivers=${mesa.version}`);
  if (!planned.some(({ name }) => name === 'libvulkan1')) wanted.push('libvulkan1');
  const root = join(work, 'root');
  await mkdir(root);
  await apt('apt-get', 'download', '-qq', ...wanted);
  for (const name of (await readdir(work)).filter((name) => name.endsWith('.deb'))) await output('dpkg', ['-x', join(work, name), root]);

  const facts = { mesa: mesa.version, manifest: 'lvp_icd.json', ...(await keepNeeded(root, folder, home)) };
  await rm(work, { recursive: true });
  return facts;
}
