/** The folder where drivers are kept between runs, and how several processes share it. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
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

/** Runs `body` while no other process runs one under the same lock file. A lock whose owner is gone is taken over. */
export async function locked(path, say, body) {
  // what this process waited itself: clocks are set, and those of a network's disks differ
  let seen = { content: undefined, since: 0 };
  for (let waited = 0;; waited++) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
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

/**
 * The folder `name` of the cache with the facts about it, built by `build(folder, home)` if it is not there or
 * `isUsable` objects. It appears whole or not at all.
 */
export async function kept(name, { isUsable = async () => true, say, build }) {
  const home = join(cacheFolder(), name);
  const found = async () => {
    const facts = await readJson(join(home, 'facts.json'));
    return facts !== undefined && (await isUsable(facts)) ? { ...facts, home } : undefined;
  };
  const ready = await found();
  if (ready !== undefined) return ready;
  return locked(`${home}.lock`, say, async () => {
    const byAnother = await found();
    if (byAnother !== undefined) return byAnother;
    const folder = `${home}.new`;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    try {
      const facts = await build(folder, home);
      await writeJson(join(folder, 'facts.json'), facts);
      await rm(home, { recursive: true, force: true });
      await rename(folder, home);
      return { ...facts, home };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
