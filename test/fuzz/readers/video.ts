/** Videos: what their own structure tells, and, of some, all of their frames. */
import { readFileSync } from 'node:fs';
import { VideoDecodeError } from '../../../engine/errors.ts';
import type { Random } from '../../../engine/random.ts';
import { examine, type Signature, signatureOf } from '../../../train/data/video/container.ts';
import { readFrames } from '../../../train/data/video/decode.ts';
import { writeVideo } from '../../../train/data/video/encode.ts';
import { i420Bytes } from '../../../kernels/frames/i420.ts';
import { box as exactBox, sourceOf, words as exactWords } from '../../container_sample.ts';
import { all, at as sampleAt, clip } from '../../video_sample.ts';
import { anyBytes, drawnBy, edge, lengthOf, oneIn, pick, randomBytes } from '../bytes.ts';
import { written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';

const FRAMES = 6;
const made = new Map<string, Buffer>();
/** A sound video of a kind, written when it is asked for first. */
function video(extension: string): Buffer {
  const known = made.get(extension);
  if (known !== undefined) return known;
  const path = sampleAt(`fuzz.${extension}`);
  writeVideo(path, clip(FRAMES));
  const bytes = readFileSync(path);
  made.set(extension, bytes);
  return bytes;
}

const fragments = readFileSync(new URL('../../fixtures/video/fragments.mp4', import.meta.url));

/** A box, whose size may not be that of its contents. */
function box(random: Random, type: string, contents: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(oneIn(random, 12) ? Number(edge(random) & 0xffffffffn) : 8 + contents.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, contents]);
}

const words = (random: Random, values: readonly number[]) =>
  Buffer.concat(
    values.map((value) =>
      Buffer.from(Uint32Array.of(oneIn(random, 16) ? Number(edge(random) & 0xffffffffn) : value).buffer).swap32()
    ),
  );

/** Between the decoding of a frame and its display. */
const OFFSETS = [0, 512, 700, 1024, 2 ** 24];

/** A movie whose tables of times may contradict each other. */
function movie(random: Random): Buffer {
  const samples = pick(random, [0, 1, 2, 16, 1000]);
  const own = (type: string, values: readonly number[]) =>
    oneIn(random, 12) ? Buffer.alloc(0) : box(random, type, words(random, values));
  const first = samples >> 1;
  const lines = oneIn(random, 2)
    ? [samples, 512]
    : Array.from({ length: Math.min(samples, 16) }, () => [1, 512 + random.below(3)]).flat();
  const table = own('stbl', []);
  const contents = Buffer.concat([own('stsz', [0, oneIn(random, 2) ? 7 : 0, samples]),
    own('stts', [0, lines.length / 2, ...lines]), ...(oneIn(random, 3)
      ? [own('ctts', [0, 2, first, pick(random, OFFSETS), samples - first, pick(random, OFFSETS)])]
      : [])]);
  const nestedBoxes = (depth: number, inner: Buffer): Buffer =>
    depth === 0 ? inner : nestedBoxes(depth - 1, box(random, pick(random, ['trak', 'mdia', 'minf', 'stbl']), inner));
  const track = box(random, 'trak', Buffer.concat([
    ...(oneIn(random, 2)
      ? [box(random, 'edts', own('elst', [0, 1, samples * pick(random, [1, 512, 1000]), random.below(3) * 512, 65536]))]
      : []),
    box(random, 'mdia',
      Buffer.concat([own('mdhd', [0, 0, 0, 12800, 0, 0]),
        box(random, 'hdlr', Buffer.concat([words(random, [0, 0]), Buffer.from(oneIn(random, 12) ? 'soun' : 'vide')])),
        box(random, 'minf', box(random, 'stbl', contents))])),
  ]));
  const moov = box(random, 'moov',
    Buffer.concat([own('mvhd', [0, 0, 0, 1000, 0, 0]), track, table,
      ...(oneIn(random, 12) ? [nestedBoxes(lengthOf(random, 2000), table)] : []),
      ...(oneIn(random, 20) ? [box(random, 'cmov', table)] : [])]));
  return Buffer.concat([box(random, 'ftyp', Buffer.from('isomxxxx')), moov,
    box(random, 'mdat', randomBytes(random, 2000))]);
}

/** What of a movie is other than in a sound one of 40 frames. */
interface Timed {
  readonly samples?: number;
  readonly scale?: number;
  /** Frames and what each of them takes: of `stts`, and of `ctts`, where there is one. */
  readonly durations?: readonly number[];
  readonly offsets?: readonly number[];
  /** Contents of `elst`. */
  readonly edits?: readonly number[];
  readonly handler?: string;
  readonly type?: string;
}

function timed(
  { samples = 40, scale = 12_800, durations = [40, 512], offsets, edits, handler = 'vide', type = 'free' }: Timed,
): Buffer {
  const table = (name: string, all: readonly number[]) => exactBox(name, exactWords(0, all.length / 2, ...all));
  const tables = [exactBox('stsz', exactWords(0, 0, samples)), table('stts', durations),
    ...(offsets === undefined ? [] : [table('ctts', offsets)])];
  const track = exactBox('trak',
    ...(edits === undefined ? [] : [exactBox('edts', exactBox('elst', exactWords(...edits)))]),
    exactBox('mdia', exactBox('mdhd', exactWords(0, 0, 0, scale, 20_480, 0)),
      exactBox('hdlr', exactWords(0, 0), Buffer.from(handler)), exactBox('minf', exactBox('stbl', ...tables))));
  return Buffer.concat([exactBox('ftyp', Buffer.from('isomxxxx')),
    exactBox('moov', exactBox('mvhd', exactWords(0, 0, 0, 1000, 1600, 0)), track, exactBox(type)),
    exactBox('mdat', Buffer.alloc(2000))]);
}

/** An element of EBML, whose size may not be that of its contents. */
function element(random: Random, id: string, contents: Uint8Array): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt.asUintN(56, oneIn(random, 12) ? edge(random) : BigInt(contents.length)));
  size[0] = 1;
  return Buffer.concat([Buffer.from(id, 'hex'), size, contents]);
}

function matroska(random: Random): Buffer {
  const ids = ['1654ae6b', 'ae', 'e0', '1f43b675', 'a0', '1549a966', 'ec', 'bf'];
  const parts = (depth: number): Buffer =>
    Buffer.concat(
      Array.from({ length: 1 + lengthOf(random, 4) }, () =>
        element(random, pick(random, ids),
          depth === 0 || oneIn(random, 3) ? randomBytes(random, 64) : parts(depth - 1))),
    );
  let deep = randomBytes(random, 16);
  if (oneIn(random, 6)) { for (let i = lengthOf(random, 2000); i > 0; i--) deep = element(random, 'ae', deep); }
  return Buffer.concat([element(random, '1a45dfa3', Buffer.alloc(0)),
    element(random, '18538067', Buffer.concat([parts(3), deep]))]);
}

function riff(random: Random): Buffer {
  const chunk = (name: string, contents: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.write(name, 0, 'latin1');
    head.writeUInt32LE(oneIn(random, 12) ? Number(edge(random) & 0xffffffffn) : contents.length, 4);
    return Buffer.concat([head, contents, Buffer.alloc(contents.length % 2)]);
  };
  const parts = (depth: number): Buffer =>
    Buffer.concat(Array.from({ length: 1 + lengthOf(random, 6) }, () => {
      if (depth > 0 && oneIn(random, 3)) {return chunk('LIST',
          Buffer.concat([Buffer.from(pick(random, ['movi', 'rec ', 'hdrl'])), parts(depth - 1)]));}
      return chunk(pick(random, ['00dc', '00db', '01dc', 'JUNK', 'idx1']),
        oneIn(random, 3) ? Buffer.alloc(0) : randomBytes(random, 64));
    }));
  return chunk('RIFF', Buffer.concat([Buffer.from('AVI '), parts(lengthOf(random, 12))]));
}

/** How other containers begin, with anything behind. */
const STARTS = ['000001ba', '464c56010500000009', '3026b2758e66cf11a6d900aa0062ce6c', '4f676753', '474946383961'];
const KINDS: readonly Signature[] = ['iso', 'ebml', 'riff', 'flash', 'asf', 'ogg', 'gif'];

export const container: Reader = {
  name: 'container',
  reasons: ['is cut off', 'its parts do not fit', 'compressed header', 'samples in', '(stts)', '(ctts)',
    'no unit of time', 'contradict each other', 'list of edits is cut off', 'leaves out', 'table of samples is missing',
    'long before or after'],
  draw: (random) =>
    drawnBy(random, [...anyBytes([fragments, video('mp4'), video('mkv'), video('avi')]), [8, movie], [4, matroska], [3,
      riff], [2, () => {
      const start = Buffer.from(pick(random, STARTS), 'hex');
      return Buffer.concat([start, ...Array.from({ length: 1 + lengthOf(random, 20) }, () =>
        Buffer.concat([oneIn(random, 2) ? start : Buffer.of(0x47), randomBytes(random, 188)]))]);
    }]]),
  aimed: {
    'compressed header': () => timed({ type: 'cmov' }),
    'samples in': (random) => timed({ samples: 4000 + random.below(2 ** 30) }),
    '(stts)': (random) => timed({ durations: [random.below(40), 512] }),
    '(ctts)': (random) => timed({ offsets: [random.below(40), 0] }),
    'no unit of time': (random) => timed({ scale: -random.below(100) }),
    'contradict each other': (random) => timed({ offsets: [20, 0, 20, 1024 + random.below(2 ** 16)] }),
    'list of edits is cut off': (random) => timed({ edits: [0, 2 + random.below(2 ** 30), 1600, 0, 65_536] }),
    'leaves out': (random) => timed({ edits: [0, 1, 100 + random.below(1000), 0, 65_536] }),
    'long before or after': (random) => timed({ offsets: [1, 2 ** 15 + random.below(2 ** 15), 39, 0] }),
  },
  read(bytes) {
    const file = Buffer.from(bytes);
    const told = signatureOf(file.subarray(0, 1024));
    let reads = 0;
    // a file that begins like none is gone over as each
    for (const signature of told === 'unknown' ? KINDS : [told]) {
      const { fault, emptyChunks } = examine(sourceOf(file, () => reads++), signature);
      holds([...emptyChunks.values()].every((count) => count <= file.length / 8), 'more chunks than fit');
      if (fault !== undefined && told !== 'unknown') throw new VideoDecodeError('x', fault);
    }
    holds(reads <= file.length / 4 + 64, `${reads} reads of ${file.length} bytes`);
  },
};

/** A video that is wrong in a few bits, is cut, or has parts moved, through the decoder. */
export const frames: Reader = {
  name: 'frames',
  reasons: ['is cut off', 'is damaged', 'is an unknown kind', 'header cannot be read', 'the file is empty', 'is a text',
    'has no video'],
  draw: (random) => {
    const extension = pick(random, ['mp4', 'mov', 'mkv', 'webm', 'avi']);
    // the first byte says what the file is called
    const name = Buffer.of(['mp4', 'mov', 'mkv', 'webm', 'avi'].indexOf(extension));
    return Buffer.concat([name,
      drawnBy(random, [...anyBytes([video(extension)]), [1, () => movie(random)], [1, () => matroska(random)], [1,
        () => riff(random)], [1, () => Buffer.from('#EXTM3U\n#EXTINF:1,\nfuzz.mp4\n')]])]);
  },
  aimed: {
    'the file is empty': (random) => Buffer.of(random.below(5)),
    'is a text': (random) => Buffer.from(`\0a${' text'.repeat(1 + random.below(100))}`),
    'is an unknown kind': (random) => Buffer.concat([Buffer.of(0, 0x80, 0xfe), randomBytes(random, 100)]),
    'has no video': (random) =>
      Buffer.concat([Buffer.of(0), timed({ handler: pick(random, ['soun', 'text', 'meta']) })]),
  },
  async read(bytes) {
    const extension = ['mp4', 'mov', 'mkv', 'webm', 'avi'][bytes[0] % 5];
    const path = written(`video.${extension}`, bytes.subarray(1));
    const found = await readFrames(path, all);
    holds(found.length > 0, 'no frames');
    for (const { width, height, data } of found) {
      holds(data.length === i420Bytes(width, height), `${width} × ${height} in ${data.length} bytes`);
    }
  },
};
