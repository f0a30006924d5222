// @ts-check
/** Asks Dawn, in a process of its own, what adapter it sees under an environment, and remembers the answer. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, readJson, writeJson } from './cache.mjs';
import { trace } from './drivers.mjs';

/**
 * What Dawn says of an adapter.
 * @typedef {import('../software.mjs').AdapterInfo & { readonly features: readonly string[] }} Info
 *
 * Why there is none; `passing` if the next try may find one.
 * @typedef {{ readonly failure: string, readonly passing?: boolean }} Failure
 */

const SECONDS = 30;
const CHILD = fileURLToPath(new URL('./probe_child.mjs', import.meta.url));

/** @param {import('./drivers.mjs').Environment} environment @returns {Promise<Info | Failure>} */
async function ask(environment) {
  const env = { ...process.env, ...environment };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  return new Promise((resolve) => {
    execFile(process.execPath, [CHILD], { env, timeout: SECONDS * 1000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error?.killed === true) resolve({ failure: `the driver did not answer in ${SECONDS} s`, passing: true });
        else if (error !== null) {
          resolve({
            failure: `the driver ended the process (${error.signal ?? error.code}): ${
              stderr.trim().split('\n').at(-1)
            }`,
          });
        } else if (stdout.trim() === 'null') resolve({ failure: 'Dawn accepts no installed driver' });
        else resolve(JSON.parse(stdout));
      });
  });
}

/**
 * What adapter Dawn sees, remembered until `key` changes: an answer costs a process and a driver's start.
 *
 * @param {string} name of what is asked, in the memory
 * @param {string | undefined} key
 * @param {import('./drivers.mjs').Environment} environment
 * @param {boolean} again asks anew
 * @returns {Promise<Info | Failure>}
 */
export async function probe(name, key, environment, again) {
  const path = join(cacheFolder(), 'probes.json');
  const { version } = JSON.parse(
    readFileSync(fileURLToPath(import.meta.resolve('webgpu')).replace(/index\.js$/, 'package.json'), 'utf8'),
  );
  const whole = `${version} ${process.arch} ${trace(CHILD)} ${JSON.stringify(environment)} ${key}`;
  const known = (await readJson(path)) ?? {};
  if (!again && known[name]?.key === whole) return known[name].answer;
  const answer = await ask(environment);
  if ('failure' in answer && answer.passing) return answer; // a busy machine today says nothing about tomorrow
  // read again: another process may have added its own meanwhile
  await writeJson(path, { ...(await readJson(path)), [name]: { key: whole, answer } });
  return answer;
}
