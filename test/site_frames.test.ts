/** Clips of files and of a camera in Chromium: the frames that Node takes, and a sentence for what is no clip. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AV_PIX_FMT_YUV420P10LE } from 'node-av/constants';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { sampleForEvaluation } from '../train/data/views/sampling.ts';
import { launchChromium } from './browser/chromium.ts';
import type { Answered, Digested } from './browser/video.ts';
import { at, clip, drawFrame, lastPlaceOf, writeAs } from './video_sample.ts';

const run = testIf(process.env.FIRSTLIGHT_SKIP_BROWSER !== '1', 'FIRSTLIGHT_SKIP_BROWSER=1');

const FIXTURES = fileURLToPath(new URL('./fixtures/video/', import.meta.url));
/** Every frame of a video of no more, some of them several times. */
const FRAMES = 16;
const CAMERA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
const HTML = `<!doctype html><html lang=en><title>video</title><video></video><p role=status></p>
<script src=/camera.js></script>`;

let scripts: Readonly<Record<string, Uint8Array>>;
let browser: Browser;
let page: Page;
const problems: string[] = [];

/** A page of the bundles, by a name that makes it a secure context. */
async function opened(within: Browser): Promise<Page> {
  const it = await within.newPage();
  it.on('pageerror', ({ message }) => problems.push(message));
  await it.route('http://localhost/**', (route) => {
    const path = new URL(route.request().url()).pathname;
    const script = scripts[basename(path)];
    if (script !== undefined) return route.fulfill({ contentType: 'text/javascript', body: Buffer.from(script) });
    return path === '/'
      ? route.fulfill({ contentType: 'text/html', body: HTML })
      : route.fulfill({ path: decodeURIComponent(path) });
  });
  await it.goto('http://localhost/');
  return it;
}

/** What the page's worker makes of a file. */
function read(path: string, frames = FRAMES): Promise<Answered> {
  return page.evaluate(`(async () => {
    const file = await (await fetch(${JSON.stringify(path)})).blob();
    globalThis.worker ??= new Worker('/video.js');
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage({ file, name: ${JSON.stringify(basename(path))},
        options: { frames: ${frames}, size: 16, resize: null } });
    });
  })()`);
}

async function inNode(path: string, count: number): Promise<Digested[]> {
  const frames = await readFrames(path, (total) => sampleForEvaluation(total, count));
  return frames.map(({ data, ...rest }) => ({ ...rest, sha256: createHash('sha256').update(data).digest('hex') }));
}

/** The page reads a file, and gives the frames that Node gives, byte for byte. */
async function isAsInNode(path: string, total: number, count = FRAMES): Promise<readonly Digested[]> {
  return (await asInNode(path, total, count)).frames;
}

async function asInNode(path: string, total: number, count: number): Promise<Extract<Answered, { sent: number }>> {
  const answer = await read(path, count);
  if (!('frames' in answer)) throw new Error(`${answer.cause}; ${answer.wayOut}`);
  assert.equal([answer.frames, answer.total, answer.isExact], [await inNode(path, count), total, true], basename(path));
  return answer;
}

async function refusal(path: string): Promise<string> {
  const answer = await read(path);
  if ('frames' in answer) throw new Error(`${path} was read`);
  assert.is(answer.code, 'FL_VIDEO');
  return `${answer.cause}; ${answer.wayOut}`;
}

run('Chromium opens a page that reads videos, and one that has a camera', async () => {
  const entries = ['video', 'camera'];
  const { outputFiles } = await build({ bundle: true, format: 'iife', write: false, outdir: '/', minify: true,
    entryPoints: entries.map((name) => fileURLToPath(new URL(`./browser/${name}.ts`, import.meta.url))) });
  scripts = Object.fromEntries(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  browser = await launchChromium(CAMERA);
  page = await opened(browser);
  assert.equal(Object.keys(scripts).sort(), ['camera.js', 'video.js']);
});

/** Frames of the fixtures that are no avi. Of those of open_start.mkv the first cannot be decoded, here as there. */
const TOTALS: Readonly<Record<string, number>> = { 'edit_list.mp4': 9, 'fragments.mp4': 12, 'hidden_vp8.webm': 12,
  'hidden_vp9.webm': 12, 'open_start.mkv': 14, 'reordered.mkv': 12, 'sound_first.mkv': 9 };

run('every fixture that is no avi has the frames of Node, byte for byte', async () => {
  assert.equal(readdirSync(FIXTURES).filter((name) => !name.endsWith('.avi')).sort(), Object.keys(TOTALS));
  for (const [name, total] of Object.entries(TOTALS)) await isAsInNode(`${FIXTURES}${name}`, total);
});

run('matrix and range are those that the file states, or what Node guesses, not what the browser says', async () => {
  const codings = async (name: string, total: number) => {
    const [{ matrix, range }] = await isAsInNode(at(name), total);
    return `${matrix}, ${range}`;
  };
  for (const name of ['tagged.mp4', 'tagged.webm']) {
    writeVideo(at(name), [drawFrame(0, 64, 48, 'bt709', 'full')]);
    assert.is(await codings(name, 1), 'bt709, full');
  }
  const bytes = clip(3).map(({ data }) => data);
  writeAs(at('low.webm'), { format: 'webm', encoder: 'libvpx-vp9' }, bytes);
  assert.is(await codings('low.webm', 3), 'bt601, limited');
  writeAs(at('high.webm'), { format: 'webm', encoder: 'libvpx-vp9' }, [drawFrame(0, 64, 720).data], 64, 720);
  assert.is(await codings('high.webm', 1), 'bt709, limited');
  const tags = { colorspace: 'bt709', color_range: 'pc' };
  writeAs(at('vp8.webm'), { format: 'webm', encoder: 'libvpx', options: tags }, bytes);
  assert.is(await codings('vp8.webm', 3), 'bt601, limited', "VP8's own bits count");
});

run('pictures are turned, mirrored and of odd size as in Node', async () => {
  writeVideo(at('upright.mp4'), clip(3));
  const turned = (matrix: readonly number[]) => {
    const bytes = readFileSync(at('upright.mp4'));
    const place = lastPlaceOf(bytes, 'tkhd') + 44;
    matrix.forEach((value, i) => bytes.writeInt32BE(value * 0x10000, place + [0, 4, 12, 16][i]));
    writeFileSync(at('turned.mp4'), bytes);
    return at('turned.mp4');
  };
  for (const matrix of [[0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0], [-1, 0, 0, 1], [0, -1, -1, 0]]) {
    const [{ width }] = await isAsInNode(turned(matrix), 3);
    assert.is(width, matrix[0] === 0 ? 48 : 64, matrix.join());
  }
  assert.match(await refusal(turned([0.5, 0, 0, 0.5])), 'asks to be shown turned by part of a right angle');
  writeVideo(at('odd.webm'), clip(3, 63, 47));
  await isAsInNode(at('odd.webm'), 3);
});

run('an end that an edit list cuts off is left out, as in Node', async () => {
  writeAs(at('whole.mp4'), { format: 'mp4', encoder: 'libx264', options: { bf: '2' } },
    clip(12).map(({ data }) => data));
  const bytes = readFileSync(at('whole.mp4'));
  const duration = Math.round((7 * bytes.readUInt32BE(lastPlaceOf(bytes, 'mvhd') + 16)) / 25);
  for (const [box, offset] of [['mvhd', 20], ['tkhd', 24], ['elst', 12]] as const) {
    bytes.writeUInt32BE(duration, lastPlaceOf(bytes, box) + offset);
  }
  writeFileSync(at('cut.mp4'), bytes);
  await isAsInNode(at('cut.mp4'), 7);
});

run('of a video that can be entered in the middle no more is decoded than its frames need', async () => {
  const coded = { g: '6', bf: '2' };
  writeAs(at('entered.mkv'), { format: 'matroska', encoder: 'libx264', options: coded },
    clip(24).map(({ data }) => data));
  writeVideo(at('entered.webm'), clip(24), { independent: true });
  for (const name of ['entered.mkv', 'entered.webm']) {
    assert.ok((await asInNode(at(name), 24, 2)).sent <= 12, name);
    await isAsInNode(at(name), 24, 32);
  }
});

run('what is no clip is refused in one sentence, with the way out', async () => {
  const bytes = readFileSync(at('upright.mp4'));
  const written = (name: string, content: Uint8Array | string) => {
    writeFileSync(at(name), content);
    return refusal(at(name));
  };
  const CHOOSE = '; fetch or save the file again, and choose it anew';
  const CONVERT = /; convert it, for example: ffmpeg -i FILE -pix_fmt yuv420p NEW\.mp4$/;
  assert.is(await written('cut_off.mp4', bytes.subarray(0, -100)),
    `cut_off.mp4: is cut off: 100 bytes are missing at the end${CHOOSE}`);
  const cluster = readFileSync(`${FIXTURES}reordered.mkv`);
  assert.is(await written('cut_off.mkv', cluster.subarray(0, -300)),
    `cut_off.mkv: is cut off: 300 bytes are missing at the end${CHOOSE}`);
  assert.is(await written('empty.mp4', ''), `empty.mp4: the file is empty${CHOOSE}`);
  assert.is(await written('text.mp4', 'This is a text.\n'),
    'text.mp4: is a text, not a video that is read here; choose an mp4, mov, webm or mkv file');
  const scratched = Buffer.from(bytes);
  for (let i = lastPlaceOf(bytes, 'mdat') + 900; i < lastPlaceOf(bytes, 'mdat') + 1200; i++) scratched[i] ^= 0x5a;
  assert.match(await written('scratched.mp4', scratched),
    /^scratched\.mp4: frame 0 of 3 is damaged: .*; fetch or save/);
  assert.is(await refusal(`${FIXTURES}packed.avi`),
    'packed.avi: is a video (avi) that browsers do not read; npx firstlight predict packed.avi --checkpoint FOLDER '
      + '--labels "one, another" reads it in a terminal; or convert it, for example: '
      + 'ffmpeg -i FILE -pix_fmt yuv420p NEW.mp4');
  const pictures = clip(2).map(({ data }) => data);
  writeAs(at('part2.mp4'), { format: 'mp4', encoder: 'mpeg4' }, pictures);
  assert.match(await refusal(at('part2.mp4')), /^part2\.mp4: is coded as mp4v, which browsers do not decode; convert/);
  writeAs(at('hevc.mkv'), { format: 'matroska', encoder: 'libx265', options: { 'x265-params': 'log-level=none' } },
    pictures);
  assert.match(await refusal(at('hevc.mkv')), /^hevc\.mkv: is coded as hev1\S+, which this browser does not decode; /);
  const wide = pictures.map((data) => new Uint8Array(Uint16Array.from(data, (value) => value * 4).buffer));
  writeAs(at('ten.mp4'), { format: 'mp4', encoder: 'libx264', pixelFormat: AV_PIX_FMT_YUV420P10LE }, wide);
  assert.match(await refusal(at('ten.mp4')), /^ten\.mp4: has pictures of a kind \(.+\) that a page does not read; /);
  assert.match(await refusal(at('ten.mp4')), CONVERT);
  const fragments = readFileSync(`${FIXTURES}fragments.mp4`);
  assert.is(await written('none.mp4', fragments.subarray(0, fragments.indexOf('moof') - 4)),
    `none.mp4: has a video track without a single frame${CHOOSE}`);
  writeAs(at('streamless.mp4'), { format: 'mp4', encoder: 'libx264' }, []);
  assert.match(await refusal(at('streamless.mp4')), /^streamless\.mp4: has no video, no streams at all; choose an mp4/);
  await isAsInNode(at('upright.mp4'), 3); // and the worker goes on
});

/** What the page has of a camera. */
const CLIPS = `(async () => {
  const [video, light] = [document.querySelector('video'), document.querySelector('p')];
  const camera = await Camera.open(video, light);
  const options = { frames: 4, size: 32, resize: null };
  const start = performance.now();
  const clips = [await camera.clip(options), await camera.clip(options)];
  const seconds = (performance.now() - start) / 1000;
  const on = light.textContent;
  const differs = (a, b) => a.data.some((value, i) => value !== b.data[i]);
  const [one, two] = clips.map(({ frames }) => frames);
  const seen = { seconds, on, moves: differs(one[0], one[3]), goesOn: differs(one[3], two[3]),
    totals: clips.map(({ total }) => total),
    frame: { ...one[0], data: one[0].data.length }, view: clips[0].views[0] };
  ENDING
  const end = await camera.clip(options).catch(({ context, name }) => context?.fault ?? name);
  return { ...seen, end, off: light.textContent, isShown: video.srcObject !== null };
})()`;

interface Seen {
  readonly seconds: number;
  readonly on: string;
  readonly moves: boolean;
  readonly goesOn: boolean;
  readonly totals: readonly number[];
  readonly frame: unknown;
  readonly view: { readonly frames: readonly number[]; readonly crop: unknown };
  readonly end: unknown;
  readonly off: string;
  readonly isShown: boolean;
}

const watched = (ending: string) => page.evaluate(CLIPS.replace('ENDING', ending)) as Promise<Seen>;

run("a camera's last two seconds are a clip, again and again, and a light says that it is on", async () => {
  const { seconds, on, moves, goesOn, totals, frame, view, end, off, isShown } = await watched(
    'camera[Symbol.dispose]();',
  );
  assert.ok(seconds >= 2 && seconds < 6, `${seconds} s`);
  assert.is(on, 'The camera is on. Its pictures stay on this machine.');
  assert.equal([moves, goesOn], [true, true]);
  assert.ok(totals.every((total) => total >= 4 && total <= 61), totals.join());
  assert.equal(frame, { width: 640, height: 480, data: 460_800, matrix: 'bt601', range: 'limited' });
  assert.equal(view, { frames: sampleForEvaluation(totals[0], 4), crop: { x: 304, y: 224, width: 32, height: 32 },
    flip: false });
  assert.equal([end, off, isShown], ['AbortError', '', false]);
});

run('a camera that is taken away ends its clips and its light; frames that the browser hides come by a canvas',
  async () => {
    await page.evaluate(`Object.defineProperty(VideoFrame.prototype, 'format', { get: () => null })`);
    const { frame, moves, end, off } = await watched(
      `video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'));`,
    );
    assert.equal(frame, { width: 640, height: 480, data: 460_800, matrix: 'bt601', range: 'full' });
    assert.equal([moves, end, off], [true, 'taken away', '']);
  });

/** What a page says where there is no camera to be had. */
const refused = (within: Page, before = '') =>
  within.evaluate(`(async () => {
    ${before}
    const [video, light] = [document.querySelector('video'), document.querySelector('p')];
    const { cause, wayOut } = await Camera.open(video, light).then(() => ({ cause: 'it opened' }), said);
    return light.textContent + cause + '; ' + wayOut;
  })()`) as Promise<string>;

run('a refusal, no camera and one in use are told apart', async () => {
  const OTHERWISE = 'switch it on again, or choose a video file';
  for (const [flags, sentence] of [
    [[CAMERA[0], `${CAMERA[1]}=deny`],
      `this page may not use the camera; allow it, at the page's address or in the settings of the system, and ${OTHERWISE}`],
    [[`${CAMERA[0]}=device-count=0`, CAMERA[1]], `this device has no camera; plug one in and ${OTHERWISE}`],
  ] as const) {
    const other = await launchChromium(flags);
    assert.is(await refused(await opened(other)), sentence);
    await other.close();
  }
  const failing = (name: string) =>
    `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '${name}'));`;
  assert.is(await refused(page, failing('NotReadableError')),
    `the camera is in use by another program; close what uses it, a call perhaps, and ${OTHERWISE}`);
  assert.match(await refused(page, `globalThis.VideoFrame = undefined;`),
    'this browser gives pages no frames of a camera');
  assert.equal(problems, []);
});

test.after(async () => {
  await browser?.close();
});

test.run();
