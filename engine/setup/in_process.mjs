/** Prepares a process that was not started by run.mjs, so that Dawn finds its driver when it is loaded next. */
import { findAdapter } from './choose.mjs';

/**
 * Loads `files`, in any order: a library that needs another one of them is tried again. The dynamic linker takes what
 * is loaded already by its name, which stands in for LD_LIBRARY_PATH: that one is read at a process's start only.
 */
function loadAll(koffi, files) {
  let failures = [];
  let waiting = files;
  while (waiting.length > 0) {
    failures = waiting.flatMap((file) => {
      try {
        koffi.load(file, { global: true });
        return [];
      } catch (error) {
        return [{ file, message: error.message }];
      }
    });
    if (failures.length === waiting.length) throw new Error(failures[0].message);
    waiting = failures.map(({ file }) => file);
  }
}

/** What loads a library into a process that runs. */
async function loader() {
  try {
    return (await import('koffi')).default;
  } catch (cause) {
    throw new Error(
      'this process was started without the folder of the driver, and the package "koffi", which loads it now, is not to be had: npm install koffi',
      { cause },
    );
  }
}

/** Chooses the adapter as run.mjs does. Throws NothingFound, whose `tried` says why there is none. */
export async function prepareProcess() {
  const say = (line) => void process.stderr.write(`firstlight: ${line}\n`);
  const { kind, environment, preload } = await findAdapter({ say });
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && name !== 'LD_LIBRARY_PATH') process.env[name] = value;
  }
  if (preload.length > 0) loadAll(await loader(), preload);
  process.env.FIRSTLIGHT_PREPARED = kind;
}
