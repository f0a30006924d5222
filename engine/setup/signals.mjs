/**
 * Loaded before the program. One Ctrl-C, or the end of a terminal, may arrive up to three times: from the terminal,
 * from npm, and from run.mjs, neither of which can know about the others. The program sees it once, so that a second
 * one can mean "at once".
 */
const ECHO_MS = 400;
const ASKING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'];
const last = new Map();
const { emit } = process;

process.emit = function emitOnce(name, ...args) {
  if (ASKING.includes(name)) {
    const now = performance.now();
    if (now - (last.get(name) ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return true;
    last.set(name, now);
  }
  return emit.call(this, name, ...args);
};
