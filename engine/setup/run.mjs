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
// what nobody reads any more is dropped: the program goes on, and its status is told
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const say = (line) => void process.stderr.write(`firstlight: ${line}\n`);

async function main([program, ...args]) {
  if (program === undefined) throw new Error('usage: node engine/setup/run.mjs program.ts [arguments]');
  const { deviceSettings, launchedAs } = await import('./launcher.mjs');
  const launched = launchedAs();
  const tells = (launched?.rank ?? 0) === 0; // of several ranks one
  const { answer, isQuestion } = await import('./answers.mjs');
  if (isQuestion(args)) {
    if (!tells) return 0;
    const isColoured = process.stdout.isTTY === true;
    const { text, exitCode } = await answer(program, args, isColoured, () => ask(program, args, isColoured));
    process.stdout.write(text);
    return exitCode;
  }
  Object.assign(process.env, deviceSettings());
  const { kind, environment, line } = await (launched === undefined ? prepare(args) : prepareOnce(args));
  if (line !== undefined && tells && process.env.FIRSTLIGHT_PREPARED === undefined) say(line);
  return start(program, args, { ...environment, FIRSTLIGHT_PREPARED: kind, FIRSTLIGHT_RETRY: undefined });
}

/** Packages, and the adapter with the environment in which it is seen. */
async function prepare(args) {
  const { ensurePackages } = await import('./packages.mjs');
  await ensurePackages(say);
  // only now: what follows needs the packages
  const { findAdapter, NothingFound } = await import('./choose.mjs');
  const again = args[0] === 'doctor' || process.env.FIRSTLIGHT_RETRY === '1';
  return findAdapter({ say, again }).catch((error) => {
    // the doctor is for machines where nothing works
    if (args[0] === 'doctor' && error instanceof NothingFound) return { kind: 'none', environment: {} };
    throw error;
  });
}

/** The same of several ranks: the first one of a host sets up, the others find what it has left. */
async function prepareOnce(args) {
  const { cacheFolder, oneAhead } = await import('./cache.mjs');
  const { hostname } = await import('node:os');
  const { join } = await import('node:path');
  return oneAhead(join(cacheFolder(), `ranks-${hostname()}.lock`), () => prepare(args));
}

/** What Node reads a program with: TypeScript needs more than Node 20 has, a published program is JavaScript. */
const loadersOf = (program) => (program.endsWith('.ts') ? [import.meta.resolve('tsx')] : []);
const importing = (urls) => urls.flatMap((url) => ['--import', url]);

/** What a program prints that needs no adapter. */
async function ask(program, args, isColoured) {
  const { ensurePackages } = await import('./packages.mjs');
  await ensurePackages(say);
  const { spawn } = await import('node:child_process');
  const env = { ...process.env, ...(isColoured ? { FORCE_COLOR: '1' } : {}) };
  const child = spawn(process.execPath, [...process.execArgv, ...importing(loadersOf(program)), program, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { text, exitCode: exitCode ?? 1 };
}

/** What native code still has to say when its process has ended, at most; another one may hold its stderr open. */
const LAST_WORDS_MS = 500;

/** Starts the program and returns its exit code; 128 + n if signal n ended it. */
async function start(program, args, additions) {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const { setTimeout } = await import('node:timers/promises');
  const { WithoutNoise } = await import('./native_lines.mjs');
  const env = { ...process.env, ...additions, FIRSTLIGHT_LAUNCHED: '1' };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  const imports = importing([...['./launched.mjs', './signals.mjs'].map((name) => new URL(name, import.meta.url).href),
    ...loadersOf(program)]);
  // MPICH's launcher speaks to its processes by a socket, whose number it tells: it is the sixth of the program
  const launcher = process.env.PMI_FD === undefined ? [] : [Number(process.env.PMI_FD)];
  if (launcher.length > 0) env.PMI_FD = '5';
  // the fourth closes when this process ends, however it does; the fifth is the stderr of JavaScript
  const child = spawn(process.execPath, [...process.execArgv, ...imports, program, ...args], { env,
    stdio: ['inherit', 'inherit', 'pipe', 'pipe', 2, ...launcher] });
  const native = new WithoutNoise((text) => process.stderr.write(text));
  child.stderr.setEncoding('utf8').on('data', (text) => native.push(text));
  const said = new Promise((resolve) => child.stderr.on('close', resolve));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'SIGUSR1']) {
    // Windows tells every process of a console by itself, and there `kill` ends one before it has saved anything
    process.on(signal, () => process.platform === 'win32' || child.kill(signal));
  }
  const [exitCode, signal] = await new Promise((resolve, reject) =>
    child.on('error', reject).on('exit', (...ending) => resolve(ending))
  );
  await Promise.race([said, setTimeout(LAST_WORDS_MS, undefined, { ref: false })]);
  native.end();
  child.stderr.destroy();
  return signal === null ? exitCode : 128 + constants.signals[signal];
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { launchedAs } = await import('./launcher.mjs');
  const { hostname } = await import('node:os');
  const rank = launchedAs()?.rank ?? 0;
  say(rank === 0 ? error.message : `rank ${rank} on ${hostname()}: ${error.message}`);
  process.exitCode = error.constructor.name === 'NothingFound' ? 4 : 1;
}
