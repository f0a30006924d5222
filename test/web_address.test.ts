/** Addresses of study pages: what goes in comes out, and whatever else is put in is a sentence. */
import { readdirSync, readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { HARMFUL, HOSTILE } from './hostile_sample.ts';
import { AddressError, decode, encode, type StudyState } from '../web/study/address.ts';
import * as assert from './assert.ts';
import { forAll } from './for_all.ts';
import { test } from './test.ts';

const FILE = 'layernorm/layernorm.wgsl';
const KNOWN = {
  layernorm: { cases: ['one row', 'rows of 1001'], variants: ['tree', 'subgroup'],
    files: [FILE, 'parts/grads.plain.wgsl'] },
};
const KERNELS = new URL('../kernels/', import.meta.url);
const state: StudyState = { room: 'layernorm', case: 'rows of 1001', variant: 'tree', dtype: 'f16',
  files: { [FILE]: readFileSync(new URL(FILE, KERNELS), 'utf8') } };

/** An address made by hand, of any JSON. */
const addressOf = (json: unknown) =>
  deflateSync(typeof json === 'string' ? json : JSON.stringify(json))
    .toString('base64url');
const refused = async (hash: string, why: string) =>
  await assert.rejectsWith(decode(hash, KNOWN), `this address cannot be read: ${why}`, AddressError, {
    code: 'FL_ADDRESS',
  });

test('every state comes out of its address as it went in, and the address has only what needs no escaping', async () => {
  const states = fc.record({ room: fc.constant('layernorm'), case: fc.constantFrom(...KNOWN.layernorm.cases),
    variant: fc.constantFrom(...KNOWN.layernorm.variants), dtype: fc.constantFrom('f32', 'f16'),
    files: fc.dictionary(fc.constantFrom(...KNOWN.layernorm.files), fc.string({ unit: 'grapheme' })) }, {
    requiredKeys: ['room', 'files'],
  });
  await forAll(fc.asyncProperty(states, async (given) => {
    const hash = await encode(given as StudyState);
    assert.match(hash, /^[\w-]+$/);
    assert.equal({ ...await decode(`#${hash}`, KNOWN) }, { ...given, files: { ...given.files } });
  }));
});

test('the longest file of a room makes an address of at most 6,000 characters', async () => {
  const texts = readdirSync(KERNELS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'))
    .map((name) => readFileSync(new URL(name, KERNELS), 'utf8'));
  const longest = texts.reduce((a, b) => (b.length > a.length ? b : a));
  const { length } = await encode({ ...state, files: { [FILE]: longest } });
  assert.ok(length < 6000, `${length} characters`);
});

test('an address that is cut anywhere is an error of one sentence', async () => {
  const short = { ...state, files: { [FILE]: state.files[FILE].slice(0, 300) } };
  const hash = await encode(short);
  for (let end = 0; end < hash.length; end++) {
    await assert.rejectsWith(decode(hash.slice(0, end), KNOWN), AddressError, /^this address cannot be read: [^\n]+$/);
  }
  assert.equal(await decode(hash, KNOWN), short);
});

test('an address with a changed character is an error, or the same state', async () => {
  const hash = await encode(state);
  await forAll(
    fc.asyncProperty(fc.nat(hash.length - 1), fc.constantFrom('A', 'b', '0', '_', '%', 'é'), async (at, sign) => {
      try {
        assert.equal(await decode(hash.slice(0, at) + sign + hash.slice(at + 1), KNOWN), state);
      } catch (error) {
        assert.instance(error, AddressError);
      }
    }),
  );
});

test('anything else in the place of an address is an error, never a crash', async () => {
  await forAll(
    fc.asyncProperty(
      fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64url')), fc.json().map(addressOf)),
      async (hash) => {
        await assert.rejectsWith(decode(hash, KNOWN), AddressError);
      },
    ),
  );
});

test('what a page does not know is refused by name', async () => {
  const with_ = (change: object) => addressOf({ ...state, ...change });
  await refused('', 'it is cut off or was changed');
  await refused('room=layernorm', '"=" is in no such address');
  await refused(addressOf('{'), 'what it holds is no JSON');
  await refused(addressOf(`{"room":${'['.repeat(1e5)}${']'.repeat(1e5)}}`), 'what it holds is no JSON');
  await refused(addressOf([]), 'what it holds is no state of a study page');
  await refused(with_({ room: 'toString' }), 'there is no room "toString" here');
  await refused(with_({ room: undefined }), 'there is no room without a name here');
  await refused(with_({ case: 'two rows' }), 'layernorm has no case "two rows"');
  await refused(with_({ variant: 3 }), 'layernorm has no variant 3');
  await refused(with_({ direction: 'back' }), 'it holds "direction", which no study page has');
  await refused(with_({ dtype: 'f64' }), 'layernorm has no type "f64"');
  await refused(with_({ files: undefined }), 'it holds no list of files');
  await refused(with_({ files: { '../x.wgsl': '' } }), 'layernorm has no file "../x.wgsl"');
  await refused(addressOf('{"room":"layernorm","files":{"__proto__":"x"}}'), 'layernorm has no file "__proto__"');
  await refused(with_({ files: { [FILE]: 1 } }), `what it holds for ${FILE} is no text`);
  await refused(with_({ run: 'now' }), 'it holds "run", which no study page has');
});

test('a name in an address is one short harmless line, whatever it holds', async () => {
  for (const name of [HOSTILE, 'n'.repeat(1e5)]) {
    for (const change of [{ room: name }, { case: name }, { [name]: 1 }, { files: { [name]: 'x' } }]) {
      const { message } = await assert.rejectsWith(decode(addressOf({ ...state, ...change }), KNOWN), AddressError);
      assert.not.match(message, HARMFUL);
      assert.ok(message.length < 150, message);
    }
  }
});

test('an address that would be inflated without end is refused after half a megabyte', async () => {
  const bomb = deflateSync(Buffer.alloc(16 * 1024 * 1024, 0x20)).toString('base64url');
  assert.ok(bomb.length < 50_000);
  await refused(bomb, 'it holds more than 512 KiB');
  await refused('A'.repeat(70_000), 'it has more than 65536 characters');
});

test.run();
