/** `firstlight verify` on outputs of reference implementations, and on fixtures that are wrong. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import { variantNames } from '../kernels/variants.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { main } from '../train/cli/main.ts';
import { FixtureTensors } from '../train/verify/fixture.ts';
import { readFixtures } from '../train/verify/folder.ts';
import { kindOf, verifyFixture } from '../train/verify/index.ts';

const fixtures = fileURLToPath(new URL('./fixtures/xclip/', import.meta.url));
const otherSystems = fileURLToPath(new URL('./fixtures/systems/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'firstlight-verify-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));

const gpu = await open();
test.after(() => gpu.close());
ones(gpu, []).dispose(); // the first one stays, for the life of the context

/** How many tensors each check of a fixture must compare: what compares nothing has passed nothing. */
const TENSORS: Readonly<Record<string, readonly number[]>> = {
  adamw: [7, 12],
  blending: [2, 3, 3],
  cosine_lr: [2, 2],
  hf_b: [11, 28, 136, 126, 126, 1],
  off_b: [5, 20, 99, 1, 103, 1],
  ops: [4, 4, 4, 3, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 3, 3, 2,
    2],
  tokenizer: [104],
  clip_joint_fc_a: [2, 36],
  clip_joint_text_a: [2, 64],
  clip_mean_text_p3_a: [2, 63],
  coswin_like_a: [2, 65],
  op_batchnorm2d: [6, 6, 6],
  op_conv2d: [3, 4, 3, 3, 4, 4, 4, 4],
  op_conv3d: [4, 4],
  op_pool: [2, 2, 2, 2, 2, 2, 2],
  op_prompt_ensemble: [4, 4],
  op_roll_partition_merge: [2, 2, 2, 2],
  op_temporal_shift: [2, 2],
  op_window_attention: [7, 7, 7, 7, 7],
  timesformer_divst_a: [2, 50],
  timesformer_jointst_a: [2, 34],
  timesformer_spaceonly_a: [2, 33],
  tsm_r50tiny_eval: [2, 54],
  tsm_r50tiny_train: [2, 54, 34],
  videoswin_clamped_window: [2, 93],
  videoswin_even: [2, 64],
  videoswin_padded: [2, 64],
  vit_imagenet_a: [2, 33],
  vit_ours_fc_a: [2, 64],
  xflorence_like_a: [2, 147],
};

const files = [...await readFixtures(fixtures), ...await readFixtures(otherSystems)];

test('the fixtures are those that the tests below count on', () =>
  assert.equal(files.map(({ name }) => name), Object.keys(TENSORS)));

for (const file of files) {
  test(`${file.name}: all checks pass, and all memory is given back`, async () => {
    const before = gpu.pool.live;
    const results = await verifyFixture(gpu, file, kindOf(file), { type: 'f32' });
    assert.equal(results.filter(({ passed }) => !passed), []);
    assert.equal(results.map(({ tensors }) => tensors), TENSORS[file.name]);
    assert.is(gpu.pool.live, before, gpu.pool.largest(5).join(', '));
  });
}

const testHalf = testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16');

const half = files.filter((file) =>
  ['hf', 'official', 'ops', 'network ops'].includes(kindOf(file)) ||
  ['clip_joint_text_a', 'timesformer_divst_a', 'tsm_r50tiny_train', 'videoswin_padded', 'xflorence_like_a'].includes(
    file.name,
  )
);
for (const file of half) {
  testHalf(`${file.name}: all checks pass in half precision`, async () => {
    const before = gpu.pool.live;
    const results = await verifyFixture(gpu, file, kindOf(file), { type: 'f16' });
    assert.equal(results.filter(({ passed }) => !passed), []);
    assert.is(results.length, TENSORS[file.name].length);
    assert.is(gpu.pool.live, before, gpu.pool.largest(5).join(', '));
  });
}

/** A folder with the files of one fixture, and what it may be changed in. */
function copyOf(folder: string, ...names: string[]): string {
  const path = join(scratch, folder);
  mkdirSync(path);
  for (const name of names) copyFileSync(join(fixtures, name), join(path, name));
  return path;
}

const tensorsOf = (path: string) => FixtureTensors.read(bytesInMemory(path, readFileSync(path)));

/** Adds to one number of a tensor in a file. */
function corrupt(path: string, tensor: string, index: number, by: number): void {
  const bytes = readFileSync(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<string,
    { data_offsets: [number, number] }>;
  const at = 8 + headerBytes + header[tensor].data_offsets[0] + 4 * index;
  bytes.writeFloatLE(bytes.readFloatLE(at) + by, at);
  writeFileSync(path, bytes);
}

/** Runs the command line here and returns its exit status and all that it wrote. */
async function firstlight(...words: string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const writes = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  for (const { stream } of writes) {
    stream.write = (piece: string | Uint8Array) => {
      text += String(piece);
      return true;
    };
  }
  try {
    return { status: await main(words), text };
  } finally {
    for (const { stream, write } of writes) stream.write = write;
  }
}

test('the command prints a line for each check, writes them as JSON, and ends with 0', async () => {
  const folder = copyOf('whole', 'adamw.json', 'adamw.safetensors', 'cosine_lr.json');
  const json = join(scratch, 'report.json');
  const { status, text } = await firstlight('verify', folder, '--json', json);
  assert.is(status, 0);
  assert.match(text, /^ok {4}adamw {7}trajectory 0, 5 steps +7 tensors {2}worst \S+: \S+ of \S+$/m);
  assert.match(text, /\n4 passed, 0 failed\n$/);
  assert.equal(text.split('\n').map((line) => line.slice(0, 6)), ['verify', ...Array(4).fill('ok    '), '4 pass', '']);
  assert.match(text, `verify on ${gpu.name}: 2 fixtures\n`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as { adapter: string; notBuilt: readonly string[];
    results: { fixture: string; passed: boolean; variant?: string }[] };
  assert.equal([report.adapter, report.notBuilt, report.results.filter(({ variant }) => variant)], [gpu.name, [], []]);
  assert.equal(report.results.map(({ fixture, passed }) => `${fixture} ${passed}`), ['adamw true', 'adamw true',
    'cosine_lr true', 'cosine_lr true']);
});

test('one number of an optimiser trajectory changed by 0.001 fails, and the tensor is named', async () => {
  const folder = copyOf('trajectory', 'adamw.json', 'adamw.safetensors');
  const { n } = (JSON.parse(readFileSync(join(folder, 'adamw.json'), 'utf8')) as { cases: { n: number }[] }).cases[1];
  corrupt(join(folder, 'adamw.safetensors'), '1.p_after', 2 * n + 1, 1e-3);
  const { status, text } = await firstlight('verify', folder);
  assert.is(status, 1);
  assert.match(text, /^ok .*trajectory 0/m);
  assert.match(text, /^FAIL {2}adamw +trajectory 1, 10 steps .*worst p after step 3: 1\.0e-3 of /m);
  assert.match(text, /\n1 passed, 1 failed\n$/);
});

test('one number of a gradient of a model changed by 0.001 fails, and the tensor is named', async () => {
  const parts = ['io', 'weights', 'grads'].map((part) => `hf_b.${part}.safetensors`);
  const folder = copyOf('gradient', 'hf_b.json', ...parts);
  const sidecar = JSON.parse(readFileSync(join(folder, 'hf_b.json'), 'utf8')) as { files: Record<string, unknown> };
  for (const part of Object.keys(sidecar.files)) if (part.startsWith('adamw')) delete sidecar.files[part];
  writeFileSync(join(folder, 'hf_b.json'), JSON.stringify(sidecar));
  corrupt(join(folder, 'hf_b.grads.safetensors'), 'mit.encoder.layers.0.layer_norm1.bias', 3, 1e-3);
  const { status, text } = await firstlight('verify', folder);
  assert.is(status, 1);
  assert.match(text, /^FAIL {2}hf_b +gradients .*worst mit\.encoder\.layers\.0\.layer_norm1\.bias: 1\.0e-3 of /m);
  assert.match(text, /\n2 passed, 1 failed\n$/);
});

/** Rewrites a safetensors file without some of its tensors. */
function without(path: string, isOptional: (name: string) => boolean): void {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, { data_offsets: [number, number] }>;
  const parts: Buffer[] = [];
  let end = 0;
  const kept = Object.entries(header).filter(([name]) => name !== '__metadata__' && !isOptional(name)).map(
    ([name, entry]) => {
      const part = bytes.subarray(start + entry.data_offsets[0], start + entry.data_offsets[1]);
      parts.push(part);
      end += part.length;
      return [name, { ...entry, data_offsets: [end - part.length, end] }] as const;
    },
  );
  const text = JSON.stringify(Object.fromEntries(kept));
  const head = Buffer.alloc(8);
  const padded = text.padEnd(8 * Math.ceil(text.length / 8));
  head.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(path, Buffer.concat([head, Buffer.from(padded), ...parts]));
}

test('a fixture that lacks what is optional is checked by what it has, and what it lacks is said', async () => {
  const folder = copyOf('optional', 'hf_b.json', 'hf_b.io.safetensors', 'hf_b.weights.safetensors',
    'hf_b.grads.safetensors');
  const sidecar = JSON.parse(readFileSync(join(folder, 'hf_b.json'), 'utf8')) as { files: Record<string, unknown>;
    zero_gradient_params?: unknown };
  for (const part of Object.keys(sidecar.files)) if (part.startsWith('adamw')) delete sidecar.files[part];
  delete sidecar.zero_gradient_params;
  writeFileSync(join(folder, 'hf_b.json'), JSON.stringify(sidecar));
  without(join(folder, 'hf_b.io.safetensors'), (name) => name === 'grad.pixel_values' || name.startsWith('act.'));
  without(join(folder, 'hf_b.grads.safetensors'), (name) => name === 'logit_scale');
  const some = await firstlight('verify', folder);
  assert.is(some.status, 0, some.text);
  assert.match(some.text, /^ok {4}hf_b +outputs and loss .*\(the fixture has no activations\)$/m);
  assert.match(some.text,
    /^ok {4}hf_b +gradients +134 tensors .*\(the fixture has no gradient of logit_scale, grad\.pixel_values\)$/m);
  delete sidecar.files.grads;
  writeFileSync(join(folder, 'hf_b.json'), JSON.stringify(sidecar));
  const outputs = await firstlight('verify', folder);
  assert.is(outputs.status, 0, outputs.text);
  assert.match(outputs.text, /outputs and loss .*\(the fixture has no gradients, activations\)\n1 passed, 0 failed\n$/);

  // a loss that asks for no labels
  const io = join(folder, 'hf_b.io.safetensors');
  const tensors = await tensorsOf(io);
  const [logits, [loss]] = [tensors.floats('out.logits_per_video'), tensors.floats('out.loss')];
  corrupt(io, 'out.loss', 0, logits.reduce((sum, value) => sum + value * value, 0) / logits.length - loss);
  writeFileSync(join(folder, 'hf_b.json'), JSON.stringify({ ...sidecar, loss: { kind: 'mse' } }));
  const squares = await firstlight('verify', folder);
  assert.is(squares.status, 0, squares.text);
});

/** A fixture of a system, copied with another description. */
function copyOfSystem(folder: string, name: string, change: (json: Record<string, unknown>) => void): string {
  const path = join(scratch, folder);
  mkdirSync(path);
  copyFileSync(join(otherSystems, `${name}.safetensors`), join(path, `${name}.safetensors`));
  const json = JSON.parse(readFileSync(join(otherSystems, `${name}.json`), 'utf8')) as Record<string, unknown>;
  change(json);
  writeFileSync(join(path, `${name}.json`), JSON.stringify(json));
  return path;
}

test('sizes of a case are one number for all axes, or a list of one for each', async () => {
  const folder = copyOfSystem('lists', 'op_pool', (json) => {
    for (const item of json.cases as Record<string, unknown>[]) {
      for (const field of ['kernel_size', 'stride', 'padding', 'output_size'].filter((name) => name in item)) {
        item[field] = Array.from({ length: item.kind === 'adapt3' ? 3 : 2 }, () => item[field]);
      }
    }
  });
  const [file] = await readFixtures(folder);
  const results = await verifyFixture(gpu, file, kindOf(file), { type: 'f32' });
  assert.equal(results.filter(({ passed }) => !passed), []);
  assert.equal(results.map(({ tensors }) => tensors), TENSORS.op_pool);
});

test('a Video Swin without biases of queries, keys and values is one whose biases are zeros', async () => {
  const name = 'videoswin_even';
  const zeros = copyOfSystem('zeros', name, () => undefined);
  const weights = join(zeros, `${name}.safetensors`);
  const isBias = (tensor: string) => /^param\..*\.attn\.qkv\.bias$/.test(tensor);
  const tensors = await tensorsOf(weights);
  for (const bias of tensors.names().filter(isBias)) {
    tensors.floats(bias).forEach((value, i) => corrupt(weights, bias, i, -value));
  }
  const lacking = copyOfSystem('lacking', name, ({ config }) => Object.assign(config as object, { qkv_bias: false }));
  without(join(lacking, `${name}.safetensors`), (tensor) => /\.attn\.qkv\.bias$/.test(tensor));
  const [[outputs], [own]] = await Promise.all([zeros, lacking].map(async (folder) => {
    const [file] = await readFixtures(folder);
    return await verifyFixture(gpu, file, kindOf(file), { type: 'f32' });
  }));
  assert.ok((own.worst?.error ?? 0) > 1e-4, 'biases of the reference were none');
  assert.equal(own, outputs);
});

test('a missing file fails, is named, and the other fixtures are checked all the same', async () => {
  const folder = copyOf('missing', 'adamw.json', 'cosine_lr.json');
  const { status, text } = await firstlight('verify', folder);
  assert.is(status, 1);
  assert.match(text, /^FAIL {2}adamw +run .*adamw\.safetensors: no such file or folder$/m);
  assert.match(text, /\n2 passed, 1 failed\n$/);
});

test('an unknown kind of fixture ends the run before any check, and is named', async () => {
  const folder = copyOf('unknown', 'cosine_lr.json');
  writeFileSync(join(folder, 'mystery.json'), '{"reference": "something else"}');
  const { status, text } = await firstlight('verify', folder);
  assert.is(status, 1);
  assert.match(text, 'mystery.json: unknown kind of fixture (reference: something else)');
  assert.not.match(text, 'passed');
});

test('an operation that is not known fails by name', async () => {
  const folder = copyOf('operation', 'ops.json', 'ops.safetensors');
  writeFileSync(join(folder, 'ops.json'), '{"ops": [{"name": "linear_1x8x16", "op": "convolution", "noise": {}}]}');
  const { status, text } = await firstlight('verify', folder);
  assert.is(status, 1);
  assert.match(text, 'case "linear_1x8x16" has the unknown operation "convolution"');
});

test('texts of another shape than a fixture says are refused, and both are told', async () => {
  const name = 'op_prompt_ensemble';
  const folder = copyOf('templates');
  for (const end of ['json', 'safetensors']) {
    copyFileSync(join(otherSystems, `${name}.${end}`), join(folder, `${name}.${end}`));
  }
  const path = join(folder, `${name}.safetensors`);
  const { shape: [videos, width] } = (await tensorsOf(path)).get('p16/in.video');
  const { shape: [templates, classes] } = (await tensorsOf(path)).get('p16/in.text');
  const whole = readFileSync(path);
  for (const [text, video] of [
    [[templates / 2, 2 * classes, width], [videos, width]],
    [[templates, classes * width], [videos, width]],
    [[templates, classes, width], [width, videos]],
  ]) {
    const header = JSON.parse(whole.toString('utf8', 8, 8 + Number(whole.readBigUInt64LE(0)))) as Record<string,
      { shape: number[] }>;
    header['p16/in.text'].shape = text;
    header['p16/in.video'].shape = video;
    const head = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(head.length));
    writeFileSync(path, Buffer.concat([length, head, whole.subarray(8 + Number(whole.readBigUInt64LE(0)))]));
    const { status, text: said } = await firstlight('verify', folder);
    assert.is(status, 1);
    assert.match(said, `case p16: texts are [${text}], expected [16, classes, ${video[1]}]`);
  }
});

test('--variant runs kernels in one variant after the other, and an unknown one is refused', async () => {
  const folder = copyOf('operations', 'ops.json', 'ops.safetensors');
  const all = await firstlight('verify', folder, '--variant', 'all');
  assert.is(all.status, 0, all.text);
  const names = variantNames(gpu, 'f32');
  assert.ok(names.includes('naive') && names.length > 3, names.join());
  for (const name of names) assert.match(all.text, `kernels in the variant ${name}, those that have it`);
  assert.match(all.text, `${names.length * TENSORS.ops.length} passed, 0 failed`);
  const unknown = await firstlight('verify', folder, '--variant', 'fast');
  assert.is(unknown.status, 2);
  assert.match(unknown.text, 'no kernel of f32 in a variant "fast"');
});

for (const [what, content, message] of [
  ['no fixture', undefined, 'holds no fixture (no .json file)'],
  ['broken JSON', '{"ops": [', 'broken.json: is not valid JSON'],
] as const) {
  test(`a folder with ${what} is refused`, async () => {
    const folder = copyOf(what);
    if (content !== undefined) writeFileSync(join(folder, 'broken.json'), content);
    const { status, text } = await firstlight('verify', folder);
    assert.is(status, 1);
    assert.match(text, message);
  });
}

test.run();
