/** Text that somebody else wrote, such as the name of a file or a tensor, made fit for a terminal, a log or a page. */

/** Letters of a foreign text that are shown. */
const MOST = 200;

/**
 * What a foreign text must not do: break a line, move the cursor, colour a terminal, or turn the direction in which
 * what stands beside it is written. Half of a surrogate pair is no character at all.
 */
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
/** The same, but for what sentences of ours consist of. */
const HARMFUL_IN_LINES = new RegExp(`(?![\\n\\t])(?:${HARMFUL.source})`, 'gu');

const codeOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A foreign text as one harmless line: control characters are escaped, and of a long one the middle is left out. */
export function shown(text: string, most = MOST): string {
  const head = Math.ceil((most - 1) / 2);
  const short = text.length > most ? `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}` : text;
  return oneLine(short);
}

/** A foreign text of any length as one harmless line. */
export function oneLine(text: string): string {
  return text.replace(HARMFUL, codeOf);
}

/** A value of JSON from outside, as JSON, for a message that says what it should be. */
export function shownValue(value: unknown, most = MOST): string {
  return shown(JSON.stringify(value) ?? 'nothing', most);
}

/** Lines of ours, with whatever harmful came into them escaped; line breaks and tabs are ours. */
export function printable(lines: string): string {
  return lines.replace(HARMFUL_IN_LINES, codeOf);
}
