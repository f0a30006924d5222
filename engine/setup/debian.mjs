/**
 * Debian's and Ubuntu's packages without root: an apt of our own fetches them into a folder, dpkg unpacks them there.
 * The archive's address, its keys and the proxy are the machine's own; nothing outside the folder is written.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Runs a program to its end and returns what it printed; throws with its first complaint. */
export async function output(program, args, { env = {}, cwd } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (exitCode === 0) return stdout;
  const complaint = stderr.split('\n').find((line) => /^E:|error/i.test(line)) ?? stderr.trim().split('\n').at(-1);
  throw new Error(
    `${program} ${args.find((arg) => !arg.startsWith('-')) ?? ''} failed (${exitCode}): ${
      complaint.replace(/^E: /, '').slice(0, 300)
    }`,
  );
}

/** The values of /etc/os-release. */
export async function osRelease() {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return Object.fromEntries([...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]));
}

/** One source of packages: [options] uri suite components, as in apt's one-line format. */
function oneLineSources(text) {
  return [...text.matchAll(/^[ \t]*deb[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]+)/gm)].map((
    [, options = '', uri, suite, components],
  ) => ({
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
      if (head !== null) fields[field = head[1].toLowerCase()] = head[2];
      else if (field !== undefined && /^[ \t]/.test(line)) fields[field] += `\n${line}`;
    }
    const words = (name) => (fields[name] ?? '').split(/\s+/).filter(Boolean);
    if (!words('types').includes('deb') || /^(no|false|0|off|disable)$/i.test(fields.enabled ?? 'yes')) return [];
    return words('uris').map((uri) => ({ uri, suites: words('suites'), components: words('components'),
      keys: fields['signed-by'] })
    );
  });
}

/** The distribution's own archives among the machine's sources; those of others are left alone. */
export function distributionSources(texts, codename) {
  const known = new Set(['', '-updates', '-security', '-backports'].map((suffix) => codename + suffix));
  const all = texts.flatMap((
    { name, text },
  ) => (name.endsWith('.sources') ? deb822Sources(text) : oneLineSources(text)));
  return all
    .map((source) => ({ ...source, suites: source.suites.filter((suite) => known.has(suite)) }))
    .filter(({ uri, suites, components, keys }) =>
      suites.length > 0 && components.includes('main') && !uri.startsWith('cdrom:')
      && (keys === undefined || /-archive-|BEGIN PGP/.test(keys))
    );
}

/** Our list of sources in deb822 format: the machine's, and on Debian the backports of the same archive. */
export function sourceList(sources, codename, distribution) {
  const stanza = ({ uri, suites, components, keys }) =>
    ['Types: deb', `URIs: ${uri}`, `Suites: ${suites.join(' ')}`, `Components: ${components.join(' ')}`,
      ...(keys === undefined ? [] : [`Signed-By: ${keys}`])].join('\n');
  const main = sources.find(({ suites }) => suites.includes(codename));
  const backports = `${codename}-backports`;
  const missing = distribution === 'debian' && main !== undefined
    && !sources.some(({ suites }) => suites.includes(backports));
  return [...sources, ...(missing ? [{ ...main, suites: [backports], components: ['main'] }] : [])].map(stanza).join(
    '\n\n',
  );
}

async function machineSources() {
  const folder = '/etc/apt/sources.list.d';
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name)).map((name) =>
    join(folder, name)
  );
  const read = async (name) => ({ name, text: await readFile(name, 'utf8').catch(() => '') });
  return Promise.all(['/etc/apt/sources.list', ...names].map(read));
}

/**
 * An apt that keeps its state in `folder`. Of the machine's settings it takes those on fetching (proxy, certificates).
 */
async function privateApt(folder, sources) {
  for (const name of ['lists/partial', 'archives/partial', 'sources.d']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  const settings = (await output('apt-config', ['dump'])).split('\n').filter((line) =>
    /^Acquire::[^"]*[^:"] "[^"]+";$/.test(line) && !line.startsWith('Acquire::Languages')
  );
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
  await writeFile(config,
    [...settings, ...Object.entries(own).map(([key, value]) => `${key} "${value}";`), ''].join('\n'));
  await writeFile(join(folder, 'sources.d', 'firstlight.sources'), `${sources}\n`);
  return (program, ...args) => output(program, args, { cwd: folder, env: { APT_CONFIG: config } });
}

/**
 * An apt with its state in `folder`, made there, and its lists read. `unread` says why some archive could not be: one
 * of several may be out of reach and the others suffice. `begins` is called before anything is fetched, once it is
 * known that there are archives.
 */
export async function openApt(folder, begins) {
  const { ID, ID_LIKE = '', VERSION_CODENAME: codename, PRETTY_NAME: system = 'this system' } = await osRelease();
  if (![ID, ...ID_LIKE.split(' ')].some((name) => name === 'debian' || name === 'ubuntu') || codename === undefined) {
    throw new Error(`${system} is neither Debian nor Ubuntu`);
  }
  const sources = distributionSources(await machineSources(), codename);
  if (sources.length === 0) throw new Error(`apt has no source for ${codename} main`);
  begins();
  await mkdir(folder, { recursive: true });
  const apt = await privateApt(folder, sourceList(sources, codename, ID));
  const unread = await apt('apt-get', 'update', '-qq', '-o', 'APT::Update::Error-Mode=any').then(() => undefined,
    (error) => error);
  return { apt, unread, system };
}

/** Fetches packages (name, or name=version) and unpacks them in `folder`/root, which it returns. */
export async function unpackPackages(apt, folder, wanted) {
  const root = join(folder, 'root');
  await mkdir(root);
  await apt('apt-get', 'download', '-qq', ...wanted);
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.deb'))) {
    await output('dpkg', ['-x', join(folder, name), root]);
  }
  return root;
}
