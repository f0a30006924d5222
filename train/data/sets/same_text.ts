import { oneLine, shownValue } from '../../../engine/shown.ts';
import { cleanText, wordsOf } from '../../../model/text_cleaning.ts';

/**
 * What a name is to CLIP's tokenizer and to a reader: two names with equal keys can never both be right. Case, spaces,
 * HTML entities, Unicode forms (NFC, NFKC) and characters that nobody sees make no difference. A name of which nothing
 * is left is ''.
 */
export function textKey(name: string): string {
  return wordsOf(cleanText(name).normalize('NFKC').replace(/\p{Cf}/gu, '')).join(' ');
}

/** Letters of a name: more do not fit CLIP's 77 tokens, and cleaning a text can take a round for each few of them. */
const LONGEST = 1000;

/** What is wrong with a name, whatever the others are; undefined if nothing is. */
export function faultOfName(name: string): string | undefined {
  if (name.length > LONGEST) {
    return `the name ${shownValue(name, 80)} has ${name.length.toLocaleString('en-US')} letters, at most ${
      LONGEST.toLocaleString('en-US')
    } are read`;
  }
  if (oneLine(name) === name) return undefined;
  return `the name ${shownValue(name)} holds control characters, or marks that turn the direction of writing`;
}

/** Names that were seen, by what they are to a reader. */
export class SeenNames<Place> {
  readonly #first = new Map<string, { name: string; place: Place }>();

  /** Takes a name in, unless one with the same text was there: then returns that one. */
  add(name: string, place: Place): { readonly name: string; readonly place: Place } | undefined {
    const key = textKey(name);
    const before = this.#first.get(key);
    if (before === undefined) this.#first.set(key, { name, place });
    return before;
  }
}
