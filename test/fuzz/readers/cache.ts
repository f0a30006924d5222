/** Decoded clips that are kept: what is not as it was is made anew, and nothing is refused. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { ClipCache, openCacheRoom } from '../../../train/data/loading/clip_cache.ts';
import { all, clip } from '../../video_sample.ts';
import { drawnBy, lengthOf, mutated, oneIn, pick, randomBytes } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { mutatedJson, nested } from '../texts.ts';

const path = written('cached.mp4', 'a video');
const frames = clip(3, 8, 6);
const cache = new ClipCache(openCacheRoom(at('cache'), 2 ** 30));
{
  using writer = cache.writer(path);
  writer?.begin();
  for (const frame of frames) writer?.add(frame);
  writer?.commit();
}
const [name] = readdirSync(at('cache'));
const whole = readFileSync(at(`cache/${name}`));
const length = whole.readUInt32LE(whole.length - 4);
const pictures = whole.subarray(0, whole.length - 36 - length);
const contents = JSON.parse(whole.toString('utf8', pictures.length, whole.length - 36)) as object;

/** Contents with their right checksum behind the pictures. */
function sealed(json: string): Buffer {
  const bytes = Buffer.from(json);
  const footer = Buffer.alloc(36);
  createHash('sha256').update(bytes).digest().copy(footer);
  footer.writeUInt32LE(bytes.length, 32);
  return Buffer.concat([pictures, bytes, footer]);
}

export const clipCache: Reader = {
  name: 'clip cache',
  reasons: [],
  draw: (random) =>
    drawnBy(random, [[1, () => randomBytes(random)], [4, () => mutated(random, whole)], [5, () =>
      sealed(mutatedJson(random, contents))], [1, () =>
      sealed(pick(random, [nested(random), 'null', '{', '[]']))], [1, () =>
      sealed(
        JSON.stringify({ ...contents, width: lengthOf(random, 2 ** 30),
          height: oneIn(random, 2) ? 6 : lengthOf(random, 2 ** 30) }),
      )]]),
  read(bytes) {
    written(`cache/${name}`, bytes);
    const found = cache.find(path, all, () => ({ x: 0, y: 0, width: 8, height: 6 }));
    found?.forEach(({ data }, i) => {
      holds(Buffer.from(data).equals(Buffer.from(frames[i].data)), `frame ${i} has other bits`);
    });
  },
};
