/** The address of a page of the site, which others send. */
import { deflateSync } from 'node:zlib';
import { decode, encode } from '../../../web/study/address.ts';
import { drawnBy, lengthOf, mutated, oneIn, pick } from '../bytes.ts';
import { holds, type Reader } from '../reader.ts';
import { bytesOf, mutatedJson, mutatedText, nested, piece } from '../texts.ts';

const KNOWN = { gelu: { cases: ['a', 'b'], variants: ['naive', 'fast'], files: ['gelu/gelu.wgsl'] } };
const STATE = { room: 'gelu', case: 'a', variant: 'fast', dtype: 'f32' as const,
  files: { 'gelu/gelu.wgsl': 'fn main() {}' } };
const VALID = await encode(STATE);
const packed = (text: string) => bytesOf(deflateSync(text).toString('base64url'));

export const address: Reader = {
  name: 'address',
  reasons: ['has more than', 'is in no such address', 'it is cut off or was changed', 'is no JSON',
    'is no state of a study page', 'which no study page has', 'there is no room', 'has no case', 'has no variant',
    'has no type', 'has no file', 'no list of files', 'is no text', 'it holds more than'],
  draw: (random) =>
    drawnBy(random, [[2, () => mutated(random, bytesOf(VALID))], [1, () =>
      bytesOf('A'.repeat(2 ** 16 - 50 + random.below(100)))], [2, () => bytesOf(mutatedText(random, VALID))], [8, () =>
      packed(mutatedJson(random, STATE))], [1, () => packed(mutatedText(random, JSON.stringify(STATE)))], [1, () =>
      packed(
        pick(random, [nested(random), `{"room":${nested(random)}}`, JSON.stringify({ ...STATE, case: piece(random) }),
          `{"room":"gelu","dtype":${nested(random)},"files":{}}`]),
      )], ...(oneIn(random, 50)
        ? [[5, () =>
          packed('a'.repeat(lengthOf(random, 2 ** 24)))] as const]
        : [])]),
  aimed: {
    'has more than': (random) => bytesOf('A'.repeat(2 ** 16 + 1 + random.below(100))),
    'it is cut off or was changed': (random) => bytesOf(VALID.slice(0, 2 + random.below(VALID.length - 2))),
    'it holds more than': (random) => packed('a'.repeat(2 ** 19 + 1 + random.below(100))),
    'is no state of a study page': (random) => packed(pick(random, ['null', '[]', '3', '"a"', 'true'])),
    'there is no room': (random) => packed(JSON.stringify({ ...STATE, room: `room${random.below(100)}` })),
    'has no case': (random) => packed(JSON.stringify({ ...STATE, case: pick(random, ['c', null, 3, {}]) })),
    'has no variant': (random) => packed(JSON.stringify({ ...STATE, variant: pick(random, ['c', null, 3, {}]) })),
    'has no type': (random) => packed(JSON.stringify({ ...STATE, dtype: pick(random, ['f64', null, 3, {}]) })),
    'has no file': (random) => packed(JSON.stringify({ ...STATE, files: { [`${random.below(100)}.wgsl`]: '' } })),
    'no list of files': (random) => packed(JSON.stringify({ ...STATE, files: pick(random, [null, [], 3, 'x']) })),
    'is no text': (random) =>
      packed(JSON.stringify({ ...STATE, files: { 'gelu/gelu.wgsl': pick(random, [null, [], 3]) } })),
  },
  async read(bytes) {
    const state = await decode(Buffer.from(bytes).toString(), KNOWN);
    holds(Object.hasOwn(KNOWN, state.room), `room ${state.room}`);
    holds(Object.values(state.files).every((text) => typeof text === 'string'), 'a file that is no text');
    holds(JSON.stringify(await decode(await encode(state), KNOWN)) === JSON.stringify(state),
      'it is encoded otherwise');
  },
};
