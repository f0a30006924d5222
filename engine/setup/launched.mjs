/**
 * Loaded before the program, in the process that run.mjs starts. Two descriptors come from there: one that closes when
 * run.mjs is gone, and the real stderr, because descriptor 2 leads to run.mjs, which leaves out what Dawn warns of at
 * every start.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { isatty, WriteStream } from 'node:tty';
import { isMainThread } from 'node:worker_threads';

/** Where run.mjs puts them, as it says in the environment: no process below this one may take them for its own. */
const LIFELINE = 3;
const STDERR = 4;
const LAUNCHED = 'FIRSTLIGHT_LAUNCHED';

/** Ends the program as SIGTERM would, when whoever started it was killed: it may still save what it has done. */
function dieWithLauncher() {
  const line = new Socket({ fd: LIFELINE, readable: true, writable: false });
  line.on('error', () => undefined).on('close', () => {
    if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(143);
  });
  line.resume();
  line.unref();
}

/** stderr of JavaScript goes to where it would without us, at once and in order. */
function restoreStderr() {
  const stream = isatty(STDERR) ? terminal() : new Writable({ write: (chunk, _encoding, done) => done(write(chunk)) });
  Object.assign(stream, { fd: STDERR });
  stream.on('error', () => undefined); // nobody reads it any more: what is said is dropped
  Object.defineProperty(process, 'stderr', { configurable: true, enumerable: true, get: () => stream });
}

/** A terminal whose width follows its window, as that of descriptor 2 does. */
function terminal() {
  const stream = new WriteStream(STDERR);
  process.on('SIGWINCH', () => stream._refreshSize());
  return stream;
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Writes all of it. Returns the error, if it is not that the reader is slow. */
function write(chunk) {
  for (let rest = chunk; rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(STDERR, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') return error;
      Atomics.wait(nothing, 0, 0, 1); // a pipe that is full: its reader gets a millisecond
    }
  }
  return null;
}

if (isMainThread && process.env[LAUNCHED] !== undefined) {
  delete process.env[LAUNCHED];
  dieWithLauncher();
  restoreStderr();
}
