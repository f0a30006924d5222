/**
 * node engine/setup/run.mjs program.ts [arguments]
 * Runs a TypeScript program on a machine that has nothing but Node and npm: installs the packages of the lock file,
 * finds or fetches a GPU adapter, and starts the program so that it sees both. Uses nothing that must be installed
 * first.
 */
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  process.stderr.write(
    `firstlight: Node ${process.versions.node} is too old: Node 20 or newer is needed (nodejs.org)\n`,
  );
  process.exit(1);
}
const say = (line) => void process.stderr.write(`firstlight: ${line}\n`);

async function main([program, ...args]) {
  if (program === undefined) throw new Error('usage: node engine/setup/run.mjs program.ts [arguments]');
  const { ensurePackages } = await import('./packages.mjs');
  await ensurePackages(say);
  // only now: what follows needs the packages
  const { findAdapter, NothingFound } = await import('./choose.mjs');
  const again = args[0] === 'doctor' || process.env.FIRSTLIGHT_RETRY === '1';
  const { kind, environment, line } = await findAdapter({ say, again }).catch((error) => {
    // the doctor is for machines where nothing works
    if (args[0] === 'doctor' && error instanceof NothingFound) return { kind: 'none', environment: {} };
    throw error;
  });
  if (line !== undefined && process.env.FIRSTLIGHT_PREPARED === undefined) say(line);
  return start(program, args, { ...environment, FIRSTLIGHT_PREPARED: kind, FIRSTLIGHT_RETRY: undefined });
}

/** Starts the program and returns its exit code; 128 + n if signal n ended it. */
async function start(program, args, additions) {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const env = { ...process.env, ...additions };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  const imports = [new URL('./signals.mjs', import.meta.url).href, import.meta.resolve('tsx')].flatMap((
    url,
  ) => ['--import', url]);
  const child = spawn(process.execPath, [...process.execArgv, ...imports, program, ...args], { env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const [exitCode, signal] = await new Promise((resolve, reject) =>
    child.on('error', reject).on('exit', (...ending) => resolve(ending))
  );
  return signal === null ? exitCode : 128 + constants.signals[signal];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error.message);
  process.exitCode = error.constructor.name === 'NothingFound' ? 4 : 1;
}
