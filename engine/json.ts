/** JSON that somebody else wrote. */

/** Levels of objects and lists. What is written for us has six; what reads the values may call itself for each. */
const MOST_LEVELS = 64;

/** An object of JSON, of whose members nothing is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * As `JSON.parse`, but what is nested so deeply that functions would call themselves out of memory is refused.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let level = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === ']' || character === '}') level--;
    else if ((character === '[' || character === '{') && ++level > MOST_LEVELS) {
      throw new SyntaxError(`nested deeper than ${MOST_LEVELS} levels`);
    }
  }
  return JSON.parse(text);
}

/** The place of the quote that ends a string, which begins at `start`; beyond the text if none does. */
export function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end;
}

/** Whether a value of JSON is an object, neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
