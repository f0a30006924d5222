// @ts-check
/**
 * Help and version are answered at once: no adapter is looked for, and what a program answered is kept for as long as
 * no source changes, because reading TypeScript takes longer than people wait for a help.
 */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheFolder, projectFolder, readJson, writeJson } from './cache.mjs';

/** Whether a command line only asks what there is. @param {readonly string[]} args */
export function isQuestion(args) {
  const words = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  return words[0] === 'help' || words[0] === '--version' || words.includes('--help') || words.includes('-h');
}

/** Folders without sources, or with what is built from them. */
const SKIPPED = ['node_modules', 'test', 'results', 'dist'];

/** Changes when a source does: its name, size or time. @param {string} folder @returns {string[]} */
function traces(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.includes(entry.name) || entry.name.startsWith('.') ? [] : traces(path);
    if (!/\.(ts|js|mjs|wgsl|json)$/.test(entry.name)) return [];
    const { size, mtimeMs } = statSync(path);
    return [`${path} ${size} ${mtimeMs}`];
  });
}

/**
 * The answer to a question: the one that is kept, or what `ask` gives, which is kept then.
 *
 * @param {string} program @param {readonly string[]} args @param {boolean} isColoured
 * @param {() => Promise<{ text: string, exitCode: number }>} ask
 * @param {string} [sources] folder of all that an answer depends on
 */
export async function answer(program, args, isColoured, ask, sources = projectFolder) {
  const path = join(cacheFolder(), 'answers.json');
  const question = JSON.stringify([sources, resolve(program), args, isColoured]);
  const key = createHash('sha256').update([process.versions.node, ...traces(sources)].join('\n')).digest('hex');
  const known = /** @type {Record<string, string> & { key?: string }} */ ((await readJson(path)) ?? {});
  if (known.key === key && known[question] !== undefined) return { text: known[question], exitCode: 0 };
  const given = await ask();
  if (given.exitCode === 0) {
    // a cache that cannot be written costs a second each time, and no answer
    await writeJson(path, { ...(known.key === key ? known : {}), key, [question]: given.text }).catch(() => undefined);
  }
  return given;
}
