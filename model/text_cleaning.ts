/**
 * What CLIP's tokenizer does to a text before it merges: the repairs of ftfy's fix_text, HTML entities, spaces, case,
 * and the cuts between words.
 */
import { decodeHTML } from 'entities';

/** Characters of Windows-1252 in the places where Latin-1 has control characters. */
const CP1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Latin ligatures that are spelled out. */
const LIGATURES: Readonly<Record<string, string>> = { Ĳ: 'IJ', ĳ: 'ij', ŉ: 'ʼn', Ǆ: 'DŽ', ǅ: 'Dž', ǆ: 'dž', Ǉ: 'LJ',
  ǈ: 'Lj', ǉ: 'lj', Ǌ: 'NJ', ǋ: 'Nj', ǌ: 'nj', Ǳ: 'DZ', ǲ: 'Dz', ǳ: 'dz', ﬀ: 'ff', ﬁ: 'fi', ﬂ: 'fl', ﬃ: 'ffi', ﬄ: 'ffl',
  ﬅ: 'ſt', ﬆ: 'st' };

/** White space as Python counts it: U+FEFF is none. */
const SPACES = /[\t-\r\u001c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;

/** A byte 0x80 to 0xbf of UTF-8, read as Windows-1252 or Latin-1. */
const CONTINUATION = `[\u0080-\u00bf${CP1252}]`;
/** Characters that UTF-8 makes when it is read as Windows-1252. */
const MISREAD = new RegExp(`(?:[Â-ß]${CONTINUATION}|[à-ï]${CONTINUATION}{2}|[ð-ô]${CONTINUATION}{3})+`, 'gu');
/** Hardly found in real text: a leading Â or Ã, misread quotes and dashes, emoji and marks, control characters. */
const SURELY_MISREAD = /^[ÂÃ]|â[€‚„†ˆ‰]|ðŸ|ï»¿|[\u0080-\u009f]/u;

/**
 * UTF-8 that was read as Windows-1252 ("Ã©" for "é") is read again. A single sequence may be real text ("Brontë…”"
 * would become Korean), so it must be one of the well-known mistakes; several in a row are taken for a mistake.
 */
function repairMojibake(text: string): string {
  return text.replace(MISREAD, (run) => {
    const bytes = Uint8Array.from(run,
      (character) => (CP1252.includes(character) ? 0x80 + CP1252.indexOf(character) : character.charCodeAt(0)));
    const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    const several = [...decoded].length > 1;
    return decoded.includes('\ufffd') || !(several || SURELY_MISREAD.test(run)) ? run : decoded;
  });
}

/** One round of repairs, in ftfy's order. */
function repair(text: string, unescape: boolean): string {
  return repairMojibake((unescape ? decodeHTML(text) : text).replace(/\u001b\[[\d;]*[A-Za-z]/g, ''))
    .replace(/[\u0080-\u009f]/g, (c) => CP1252[c.charCodeAt(0) - 0x80])
    .replace(/[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]/g, (c) => LIGATURES[c] ?? c)
    .replace(/[\u3000\uff01-\uffef]/g, (c) => c.normalize('NFKC'))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, '')
    .normalize('NFC');
}

/** The text as CLIP's tokenizer sees it: repaired, unescaped, single spaces, lower case. */
export function cleanText(text: string): string {
  const unescape = !text.includes('<'); // as ftfy decides whether entities are meant or are markup
  let repaired = text;
  for (let before = ''; before !== repaired;) {
    before = repaired;
    repaired = repair(before, unescape);
  }
  return decodeHTML(decodeHTML(repaired)).replace(SPACES, ' ').replace(/^ | $/g, '').toLowerCase();
}

/** How CLIP cuts a cleaned text into words before merging. */
export const WORDS = /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^ \p{L}\p{N}]+/gu;

/** The words of a text, as CLIP's tokenizer cuts it. */
export function wordsOf(text: string): string[] {
  return cleanText(text).match(WORDS) ?? [];
}
