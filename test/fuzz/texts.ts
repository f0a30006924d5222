/** Texts and values of JSON that nobody meant. */
import type { Random } from '../../engine/random.ts';
import { OTHERS } from '../mutations.ts';
import { lengthOf, mutated, oneIn, pick, randomBytes, type Ways } from './bytes.ts';

/** Pieces of text that are special to some reader, to a terminal, or to a page. */
const PIECES = ['"', "'", '\\', '{', '}', '[', ']', '<', '>', '&amp;', ',', ';', ':', '#', '*a', '&a ', '!!js ',
  '---\n', '\n', '\r\n', '\r', '\t', ' ', '  ', '\0', '\u001b[2J', '\u202e', '\ufeff', '\ud800', 'é', '中', '👍🏽', '../',
  '..\\', '/', '//x/', '~', '-', '-1', '0', '00', '1', '1e999', '0.1', '99999999999999999999', 'NaN', 'null', 'true',
  '__proto__', 'constructor', '{split}', '%2f', 'id,name', '\u00a0'];

/** A piece of text; now and then a long one. */
export function piece(random: Random): string {
  const own = pick(random, PIECES);
  return oneIn(random, 40) ? own.repeat(1 + lengthOf(random, 20_000)) : own;
}

/** A text after some of its pieces were left out, doubled, moved, or had others put between them. */
export function mutatedText(random: Random, valid: string): string {
  let text = valid;
  const count = 1 + lengthOf(random, 7);
  for (let i = 0; i < count; i++) {
    const from = random.below(text.length + 1);
    const to = Math.min(text.length, from + lengthOf(random, 40));
    const by = pick(random, [() => piece(random), () => '', () => text.slice(from, to).repeat(2), () => {
      const other = random.below(text.length + 1);
      return text.slice(other, other + lengthOf(random, 40));
    }])();
    text = text.slice(0, from) + by + text.slice(to);
  }
  return text;
}

/** What no file holds, among numbers that some do. */
const valueOf = (random: Random): unknown => {
  if (oneIn(random, 3)) return piece(random);
  if (oneIn(random, 3)) return random.below(1000);
  return pick(random, OTHERS);
};

/** A value of JSON of which something was replaced, left out, doubled or added, at some depth. */
export function mutatedValue(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || oneIn(random, 20)) return valueOf(random);
  const members: [string, unknown][] = Object.entries(value);
  const at = random.below(members.length + 1);
  const wasMember = at < members.length;
  switch (wasMember ? random.below(8) : 0) {
    case 0:
      members.splice(at, 0, [piece(random), valueOf(random)]);
      break;
    case 1:
      members.splice(at, 1);
      break;
    case 2:
      members.splice(at, 0, members[at]);
      break;
    case 3:
      members[at] = [members[at][0], pick(random, members)[1]];
      break;
    default:
      members[at] = [members[at][0], mutatedValue(random, members[at][1])];
  }
  return Array.isArray(value) ? members.map(([, own]) => own) : Object.fromEntries(members);
}

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** A value as JSON, after one to four mutations. */
export function mutatedJson(random: Random, value: unknown): string {
  let changed = value;
  for (let i = 1 + lengthOf(random, 3); i > 0; i--) changed = mutatedValue(random, changed);
  return JSON.stringify(changed) ?? 'null';
}

/** Lists within lists, or maps within maps, to some depth, perhaps never closed. */
export function nested(random: Random): string {
  const [open, close] = pick(random, [['[', ']'], ['{"a":', '}'], ['[{"a":', '}]']]);
  const depth = 1 + lengthOf(random, 100_000);
  return open.repeat(depth) + (oneIn(random, 3) ? '' : `0${close.repeat(depth)}`);
}

/** JSON as some writers put it wrongly: with values that nobody meant, damaged, or nested without end. */
export const anyJson = (valid: readonly unknown[]): Ways => {
  const jsons = valid.map((value) => JSON.stringify(value));
  return [[1, (random) => randomBytes(random, 512)], [2, (random) => mutated(random, bytesOf(pick(random, jsons)))], [2,
    (random) => bytesOf(mutatedText(random, pick(random, jsons)))], [8,
    (random) => bytesOf(mutatedJson(random, pick(random, valid)))], [1,
    (random) => bytesOf(`{"a":${nested(random)}}`)]];
};
