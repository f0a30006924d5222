/** The folder where drivers are kept between runs, and how several processes share it. */
import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, mkdirSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url));

/** No set-up takes so long; a lock that is held for longer was left by a machine that went down. */
const LOCK_MINUTES = 15;
/** Nor does the writing of a number. */
const EMPTY_MINUTES = 0.2;

/**
 * All places for the cache, the most usual first. A home may be read-only or missing, so the project's own folder is
 * the last.
 */
function candidates() {
  const { XDG_CACHE_HOME: cache } = process.env;
  return [...(cache !== undefined && isAbsolute(cache) ? [cache] : []), join(homedir(), '.cache'),
    join(projectFolder, '.cache')].map((folder) => join(folder, 'firstlight'));
}

function writable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // whatever the reason, the next place is tried
  }
}

/** The first place that can be written. */
export function cacheFolder() {
  const found = candidates().find(writable);
  if (found === undefined) {
    throw new Error(
      `none of these folders can be written: ${candidates().join(', ')}; set XDG_CACHE_HOME to one that can`,
    );
  }
  return found;
}

/** JSON in `path`, or undefined if there is none that can be read. */
export async function readJson(path) {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined; // absent or cut: both mean "not there"
  }
}

/** Replaces `path` in one step, so that no reader sees half of it. */
export async function writeJson(path, value) {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`);
  await rename(temporary, path);
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM'; // it lives, and belongs to someone else
  }
}

/** Takes a lock. Returns false if another process has it. */
async function take(path) {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** Runs `body` while no other process runs one under the same lock file. A lock whose owner is gone is taken over. */
export async function locked(path, say, body) {
  // what this process waited itself: clocks are set, and those of a network's disks differ
  let seen = { content: undefined, since: 0 };
  for (let waited = 0; !(await take(path)); waited++) {
    const content = await readFile(path, 'utf8').catch(() => undefined); // undefined: released just now
    if (content !== seen.content) seen = { content, since: performance.now() };
    const owner = Number(content ?? 0);
    const minutes = content === undefined ? 0 : (performance.now() - seen.since) / 60_000;
    // an empty lock is one that is being written, or was cut off by a crash
    const isLeft = content === '' ? minutes > EMPTY_MINUTES : (owner > 0 && !alive(owner)) || minutes > LOCK_MINUTES;
    if (isLeft) await rm(path, { force: true });
    else if (waited === 10) say(`waiting for process ${owner} to finish setting up …`);
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 100));
  }
  try {
    return await body();
  } finally {
    await rm(path, { force: true });
  }
}

/** Runs `body`, one process ahead of all that come meanwhile: they find what it has made. */
export async function oneAhead(path, body) {
  if (!(await take(path))) {
    await locked(path, () => undefined, async () => undefined);
    return body();
  }
  try {
    return await body();
  } finally {
    await rm(path, { force: true });
  }
}

/** Bytes and SHA-256 of a file. */
async function printOf(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

/** The same of every file in a folder and those in it, by path. */
async function printsOf(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  const prints = await Promise.all(entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [[entry.name, await printOf(path)]];
    return Object.entries(await printsOf(path)).map(([name, print]) => [join(entry.name, name), print]);
  }));
  return Object.fromEntries(prints.flat());
}

/**
 * The first file of a folder that is not what it was when it was kept. A library that was damaged since ends the
 * process that loads it by a signal, and every later one too.
 */
async function damaged(folder, files) {
  for (const [name, { bytes, sha256 }] of Object.entries(files)) {
    const path = join(folder, name);
    const isSame = await stat(path).then(async ({ size }) => size === bytes && (await printOf(path)).sha256 === sha256,
      () => false);
    if (!isSame) return name;
  }
  return undefined;
}

/**
 * The folder `name` of the cache with the facts about it, built by `build(folder, home)` if it is not there, if
 * `isUsable` objects, or if a file in it is damaged. It appears whole or not at all.
 */
export async function kept(name, { isUsable = async () => true, say, build }) {
  const home = join(cacheFolder(), name);
  const found = async (tell) => {
    const known = await readJson(join(home, 'facts.json'));
    if (known === undefined) return undefined;
    const { files = {}, ...facts } = known; // one that an older version kept has no prints, and is taken as it is
    if (!(await isUsable(facts))) return undefined;
    const broken = await damaged(home, files);
    if (broken === undefined) return { ...facts, home };
    tell(`${join(home, broken)} is damaged: ${name} is made anew …`);
    return undefined;
  };
  const ready = await found(() => undefined);
  if (ready !== undefined) return ready;
  return locked(`${home}.lock`, say, async () => {
    const byAnother = await found(say);
    if (byAnother !== undefined) return byAnother;
    const folder = `${home}.new`;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    try {
      const facts = await build(folder, home);
      await writeJson(join(folder, 'facts.json'), { ...facts, files: await printsOf(folder) });
      await rm(home, { recursive: true, force: true });
      await rename(folder, home);
      return { ...facts, home };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
