/** What every shell takes as it is between double quotes; of Windows' paths, where they are, their backslashes, too. */
const BETWEEN_QUOTES = globalThis.process?.platform === 'win32'
  ? /^[\p{L}\p{N}\\ _,./:-]+$/u
  : /^[\p{L}\p{N} _,./:-]+$/u;

/** A text as one word of a command line: nothing of it is expanded or run by the shell that it is pasted into. */
export function shellWord(text: string): string {
  if (/^[\w./:-]+$/.test(text)) return text;
  return BETWEEN_QUOTES.test(text) ? `"${text}"` : `'${text.replaceAll("'", `'\\''`)}'`;
}
