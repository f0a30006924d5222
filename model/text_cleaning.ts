/** What CLIP's tokenizer does to a text before it cuts it: the repairs of ftfy's fix_text, HTML entities, spaces, case. */
import { decodeHTML } from 'entities';

/** Characters of Windows-1252 in the places where Latin-1 has control characters. */
const CP1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Latin ligatures that are spelled out. */
const LIGATURES: Readonly<Record<string, string>> = { Ĳ: 'IJ', ĳ: 'ij', ŉ: 'ʼn', Ǆ: 'DŽ', ǅ: 'Dž', ǆ: 'dž', Ǉ: 'LJ', ǈ: 'Lj', ǉ: 'lj', Ǌ: 'NJ', ǋ: 'Nj', ǌ: 'nj', Ǳ: 'DZ', ǲ: 'Dz', ǳ: 'dz', ﬀ: 'ff', ﬁ: 'fi', ﬂ: 'fl', ﬃ: 'ffi', ﬄ: 'ffl', ﬅ: 'ſt', ﬆ: 'st' };

/** UTF-8 that was read as Windows-1252 ("Ã©" for "é") is read again; what is not such a mistake is no valid UTF-8 then. */
function repairMojibake(text: string): string {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    const high = CP1252.indexOf(character);
    if (high >= 0) bytes.push(0x80 + high);
    else if (code < 0x80 || (code >= 0xa0 && code < 0x100)) bytes.push(code);
    else return text;
  }
  const decoded = new TextDecoder('utf-8').decode(Uint8Array.from(bytes));
  return decoded.includes('\ufffd') ? text : decoded;
}

/** The text as CLIP's tokenizer sees it: repaired, unescaped, single spaces, lower case. */
export function cleanText(text: string): string {
  const repaired = repairMojibake(text.includes('<') ? text : decodeHTML(text))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]/g, (c) => LIGATURES[c] ?? c)
    .replace(/[\u3000\uff01-\uffef]/g, (c) => c.normalize('NFKC'))
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
    .replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
    .replace(/[\u0000-\u0008\u000b\u000e-\u001f\u007f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, '')
    .normalize('NFC');
  return decodeHTML(decodeHTML(repaired)).trim().replace(/\s+/g, ' ').toLowerCase();
}
