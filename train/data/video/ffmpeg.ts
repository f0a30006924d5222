import { AV_LOG_ERROR, AV_LOG_QUIET } from 'node-av/constants';
import { type CodecContext, FFmpegError, type FormatContext, Log } from 'node-av/lib';

// FFmpeg writes to stderr on its own, in the middle of a progress bar. Errors come back as codes; the words are asked
// for by `messagesOf`.
Log.setLevel(AV_LOG_QUIET);

/**
 * Sets options by name. A dictionary given to `open2` would do the same, but node-av 6.1.1 frees what FFmpeg has freed
 * already, and the process dies when it ends.
 */
export function setOptions(context: CodecContext | FormatContext, options: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(options)) {
    FFmpegError.throwIfError(context.setOption(name, value), `option ${name}=${value}`);
  }
}

let collecting: Promise<unknown> = Promise.resolve();

/**
 * Runs `work`, which is expected to fail, and returns what FFmpeg says meanwhile. The messages of other files that are
 * read at the same time are among them.
 */
export function messagesOf(work: () => Promise<unknown>): Promise<string[]> {
  const collected = collecting.then(async () => {
    const messages: string[] = [];
    Log.setCallback((_level, message) => messages.push(message.trim()), { maxLevel: AV_LOG_ERROR });
    Log.setLevel(AV_LOG_ERROR);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Error)) throw error; // the caller has this error already
    } finally {
      // messages come through the event loop, after the call that caused them
      await new Promise((resolve) => setTimeout(resolve, 10));
      Log.resetCallback(); // a callback that is still set when the process ends makes it abort
      Log.setLevel(AV_LOG_QUIET);
    }
    return [...new Set(messages)];
  });
  collecting = collected;
  return collected;
}
