/** Features of videos: the file that is searched, and the journal that it is made from. */
import { readFileSync, rmSync } from 'node:fs';
import { encodeSafetensors } from '../../../model/checkpoint/safetensors.ts';
import { FeatureFile, type Head } from '../../../train/features/file.ts';
import { FeatureJournal } from '../../../train/features/journal.ts';
import { drawnBy, edge, lengthOf, mutated, oneIn, pick, randomBytes } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { bytesOf, mutatedJson, mutatedText, nested } from '../texts.ts';
import { file } from './safetensors.ts';

const HEAD: Head = { version: 1,
  made: { checkpoint: 'ab'.repeat(32), precision: 'f32', frames: 8, size: 32,
    resize: { resampling: 'bilinear', shortSide: 36 }, mean: [1, 2, 3], std: [4, 5, 6], window: 2 },
  checkpoint: '../model', root: 'videos', names: ['a.mp4', 'a.mp4', 'b.mp4'], classes: ['x', 'y'],
  broken: [{ name: 'c.mp4', reason: 'is a text' }], texts: ['a door'] };
const TENSORS = { features: { shape: [3, 2], values: [1, 0, 0, 1, 0.6, 0.8] },
  video: { shape: [3, 2], values: [2, 0, 0, 3, 6, 8] }, patches: { shape: [3, 1, 2], values: [1, 2, 3, 4, 5, 6] },
  labels: { shape: [3], dtype: 'I32' as const, values: [0, 0, 1] },
  times: { shape: [3, 2], values: [0, 2, 2, 3.5, 0, 1] }, texts: { shape: [1, 2], values: [0, 1] } };

const pieces: Uint8Array[] = [];
const named = Object.entries(TENSORS).map(([name, tensor]) => ({ name, ...tensor }));
const valuesOf = (name: string) => {
  const { values } = TENSORS[name as keyof typeof TENSORS];
  return name === 'labels' ? Int32Array.from(values) : Float32Array.from(values);
};
for await (const piece of encodeSafetensors(named, valuesOf, { firstlight: JSON.stringify(HEAD) })) {
  pieces.push(piece.slice());
}
const whole = Buffer.concat(pieces);
const start = 8 + Number(whole.readBigUInt64LE());
const header = JSON.parse(whole.toString('utf8', 8, start)) as Record<string, unknown>;
const data = whole.subarray(start);

/** A file of features with another head, or with other tensors described. */
function withHead(head: string, others: object = header): Buffer {
  const text = JSON.stringify({ ...others, __metadata__: { firstlight: head } });
  return Buffer.concat([file(text, 0), data]);
}

const { __metadata__: _, ...DESCRIBED } = header as Record<string, { data_offsets: [number, number] }>;
/** With another number in the first place of the unit features. */
function withUnit(value: number): Buffer {
  const bytes = Buffer.from(whole);
  bytes.writeFloatLE(value, start + DESCRIBED.features.data_offsets[0]);
  return bytes;
}

export const features: Reader = {
  name: 'features',
  reasons: ['has no "firstlight"', 'is no JSON', 'is not that of features', 'holds no features', 'WrongFeatures',
    'NotFinite', 'NotUnit', 'NoSuchTensor', 'is JSON, not safetensors', 'InvalidJson', 'SizeMismatch', 'TooSmall'],
  draw: (random) =>
    drawnBy(random, [[2, () => mutated(random, whole)], [1, () => randomBytes(random)], [6, () =>
      withHead(mutatedJson(random, HEAD))], [2, () => withHead(mutatedText(random, JSON.stringify(HEAD)))], [1, () =>
      withHead(nested(random))], [4, () => {
      return oneIn(random, 2)
        ? withHead(JSON.stringify(HEAD), JSON.parse(mutatedJson(random, DESCRIBED)) as object)
        : withHead(JSON.stringify({ ...HEAD, names: [] }), DESCRIBED);
    }], [4, () => {
      // numbers alone are changed
      const numbers = Buffer.from(data);
      numbers.writeFloatLE(pick(random, [Number.NaN, Infinity, -Infinity, 0, 2, 1e38]),
        4 * random.below(numbers.length / 4));
      return Buffer.concat([whole.subarray(0, start), numbers]);
    }], [1, () => bytesOf('{"a":1}\n')], [1, () => Buffer.concat([file(JSON.stringify(DESCRIBED), 0), data])]]),
  aimed: {
    TooSmall: (random) => whole.subarray(0, 1 + random.below(7)),
    NoSuchTensor: (random) => {
      const { texts, ...others } = DESCRIBED;
      return withHead(JSON.stringify(HEAD), { ...others, [`text${random.below(100)}`]: texts });
    },
    SizeMismatch: (random) => {
      const name = pick(random, Object.keys(DESCRIBED));
      return withHead(JSON.stringify(HEAD), { ...header,
        [name]: { ...DESCRIBED[name], shape: [3, 3 + random.below(9)] } });
    },
    WrongFeatures: (random) =>
      withHead(JSON.stringify({ ...HEAD, texts: Array<string>(2 + random.below(9)).fill('a door') })),
    NotFinite: (random) => withUnit(pick(random, [Number.NaN, Infinity, -Infinity])),
    NotUnit: (random) => withUnit(random.next() / 2),
    'is JSON, not safetensors': (random) => bytesOf(`{"a":${random.below(100)}}\n`),
    'has no "firstlight"': (random) =>
      Buffer.concat([file(JSON.stringify({ ...DESCRIBED, __metadata__: { other: String(random.below(9)) } }), 0),
        data]),
    InvalidJson: (random) => Buffer.concat([file(`{"a${random.below(99)}"`, 0), data]),
  },
  async read(bytes) {
    const own = await FeatureFile.open(written('x.safetensors', bytes));
    try {
      for (const which of ['features', 'video', 'patches'] as const) {
        if (which === 'video' && !own.isWhole) continue;
        const values = await own.floats(which, 0, own.rows);
        holds(values.every(Number.isFinite), `${which} that is not finite`);
      }
      holds(own.rows === own.head.names.length && own.width > 0, `${own.rows} rows of ${own.width}`);
      holds(own.labels?.every((label) => label >= 0) ?? true, 'a label below 0');
    } finally {
      await own.close();
    }
  },
};

const IDENTITY = { made: 'with this' };
rmSync(at('x.partial'), { force: true });
const begun = await FeatureJournal.open(at('x.partial'), IDENTITY);
const record = { clip: 'a.mp4', file: '3 bytes', first: 0, total: 2, rows: 1, width: 2, patches: 1, isWhole: true,
  times: null };
const numbers = { unit: Float32Array.of(1, 0), video: Float32Array.of(1, 2), patches: Float32Array.of(3, 4) };
begun.add(record, numbers);
begun.add({ ...record, first: 1 }, numbers);
begun.addBroken('b.mp4', '4 bytes', 'is a text');
await begun.close();
const journalled = readFileSync(at('x.partial'));

/** A record that is damaged ends what is read; a journal of other settings is refused. */
export const journal: Reader = {
  name: 'journal',
  reasons: ['was begun with other settings'],
  draw: (random) =>
    drawnBy(random, [[1, () => randomBytes(random)], [6, () => mutated(random, journalled)], [2, () => {
      const lines = journalled.toString('latin1').split('\n');
      lines[random.below(lines.length)] = oneIn(random, 2)
        ? nested(random)
        : mutatedJson(random, { ...record, first: Number(edge(random)), rows: lengthOf(random, 9) });
      return Buffer.from(lines.join('\n'), 'latin1');
    }]]),
  async read(bytes) {
    const path = written('y.partial', bytes);
    const own = await FeatureJournal.open(path, IDENTITY);
    try {
      const known = own.of('a.mp4', '3 bytes');
      for (const chunk of known !== undefined && 'chunks' in known ? known.chunks : []) {
        const values = await own.read(chunk, 'unit');
        holds(values.length === chunk.rows * chunk.width && values[0] === 1,
          `a record that was not written: ${values.join()}`);
      }
    } finally {
      await own.close();
    }
    // what is not whole is cut off: all of the rest is read again
    holds(readFileSync(path).length <= Math.max(bytes.length, journalled.length), 'the journal grew');
  },
};
