/**
 * Loaded before the program. One Ctrl-C may arrive up to three times: from the terminal, from npm, and from run.mjs,
 * neither of which can know about the others. The program sees it once, so that a second one can mean "at once".
 */
const ECHO_MS = 400;
const last = new Map();
const { emit } = process;

process.emit = function emitOnce(name, ...args) {
  if (name === 'SIGINT' || name === 'SIGTERM') {
    const now = performance.now();
    if (now - (last.get(name) ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return true;
    last.set(name, now);
  }
  return emit.call(this, name, ...args);
};
