/**
 * `firstlight kernel`: what it prints is WGSL that runs without Firstlight, and says truly where each line comes
 * from.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Context, open } from '../engine/index.ts';
import { rooms } from '../kernels/index.ts';
import { ACTIVATION_REFERENCE } from '../kernels/shared/activation.reference.ts';
import { kernelText, type KernelOptions } from '../train/commands/kernel.ts';
import { exitCodeOf } from '../train/cli/failure.ts';
import { close } from './close.ts';
import { commandLine } from './command_line.ts';

const gpu = await open();

/** The modules of a text, each with its heading, and without what stands before the first. */
function modulesOf(text: string): string[] {
  return text.split(/^(?=\/\/ \S+, program \d+ of \d+: )/m).slice(1);
}

async function errorsOf({ device }: Context, code: string): Promise<string[]> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  await device.popErrorScope();
  return messages.filter(({ type }) => type === 'error').map(({ message, lineNum }) => `${lineNum}: ${message}`);
}

const widths = [undefined, ...(gpu.features.has('shader-f16') ? (['f16'] as const) : [])];

test('of every room, what is printed of the first case and of its gradient is WGSL, program by program', async () => {
  for (const { name, cases: [first] } of rooms) {
    for (const gradient of first.wrt.length === 0 ? [false] : [false, true]) {
      for (const type of widths) {
        const modules = modulesOf(kernelText(gpu, { name, gradient, type }));
        assert.ok(modules.length > 0, name);
        for (const code of modules) assert.equal(await errorsOf(gpu, code), [], `${name}, ${type}:\n${code}`);
      }
    }
  }
  assert.is((await errorsOf(gpu, 'fn broken( {}')).length > 0, true, 'an error would be seen');
});

test('each line names the file and line that it was written at', () => {
  const text = kernelText(gpu, { name: 'softmax', gradient: true });
  const lines = [...text.matchAll(/^\/\* (\S+)\/(\S+\.wgsl):(\d+) +\*\/ ?(.*)$/gm)];
  assert.ok(lines.length > 40);
  const folders = ['../engine/', '../kernels/softmax/', '../kernels/shared/', '../kernels/shared/row/',
    '../kernels/shared/vector/'];
  for (const [, folder, file, line, written] of lines) {
    const path = folders.find((each) => each.endsWith(`/${folder}/`));
    assert.ok(path !== undefined, `${folder}/${file}`);
    const source = readFileSync(fileURLToPath(new URL(`${path}${file}`, import.meta.url)), 'utf8');
    assert.is(source.split('\n')[Number(line) - 1].trimEnd(), written);
  }
});

/**
 * Runs a printed program with nothing but WebGPU: the bindings, params and grid that stand in its heading, and the
 * given numbers.
 */
async function runBare({ device }: Context, code: string, given: Readonly<Record<string, Float32Array>>,
  result: string): Promise<Float32Array> {
  const entryPoint = /entry point (\w+)/.exec(code)?.[1];
  const params = [.../params \{ (.*?) \}/.exec(code)?.[1].matchAll(/= (\S+?)(?:,|$)/g) ?? []].map(([, value]) =>
    Number(value)
  );
  const grid = /grid (\d+) × (\d+) × (\d+)/.exec(code)?.slice(1).map(Number) as [number, number, number];
  const rows = [...code.matchAll(/^\/\/ {3}(\d+) +(\w+) +(uniform|storage).* (\d+) bytes/gm)];
  const buffers = new Map(rows.map(([, index, name, kind, bytes]) => {
    const usage = (kind === 'uniform' ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC)
      | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size: Number(bytes), usage });
    if (kind === 'uniform') device.queue.writeBuffer(buffer, 0, Uint32Array.from(params));
    else if (given[name] !== undefined) device.queue.writeBuffer(buffer, 0, given[name] as Float32Array<ArrayBuffer>);
    return [name, { index: Number(index), buffer }];
  }));
  const pipeline = device.createComputePipeline({ layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint } });
  const entries = [...buffers.values()].map(({ index, buffer }) => ({ binding: index, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(...grid);
  pass.end();
  const { buffer } = buffers.get(result) as { buffer: GPUBuffer };
  const readback = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  encoder.copyBufferToBuffer(buffer, 0, readback, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(GPUMapMode.READ);
  return new Float32Array(readback.getMappedRange().slice(0));
}

test('a printed program runs by itself, by what its heading says, and gives what the reference does', async () => {
  const [module] = modulesOf(kernelText(gpu, { name: 'gelu', case: 'quick_gelu: rows of a model', gradient: true }));
  const x = Float32Array.from({ length: 9600 }, (_, i) => Math.sin(i) * 4);
  const dy = x.map((_, i) => Math.cos(3 * i));
  const dx = await runBare(gpu, module, { x, dy }, 'dx');
  const want = Float64Array.from(x, (v, i) => dy[i] * ACTIVATION_REFERENCE.quick_gelu.derivative(v));
  close('dx', dx, want, { atol: 1e-6, rtol: 1e-5 });
});

test('the order of a case is told: what is set to 0, each dispatch, and a program that runs twice with the numbers of both', () => {
  const text = kernelText(gpu, { name: 'embedding', gradient: true });
  assert.match(text,
    /1\. set 308 bytes of "d table" to 0\n.*2\. embedding_partial\.scalar\.only on 1 × 1 × 1 workgroups\n.*3\. embedding_grad/);
  const twice = kernelText(gpu, { name: 'adamw', case: 'vectors of four' });
  assert.is(modulesOf(twice).filter((each) => each.startsWith('// adamw.')).length, 1);
  assert.match(twice, /dispatch 10: params \{ n: u32 = 512, first_tile: u32 = 0 \}, grid 2 × 1 × 1/);
});

test('a variant is printed where it is asked for, and what runs here where it is not', () => {
  const of = (options: Omit<KernelOptions, 'name'>) => kernelText(gpu, { name: 'softmax', ...options });
  assert.match(of({ variant: 'tree' }), /^\/\/ softmax\.\w+\.tree, program/m);
  assert.not.match(of({ variant: 'tree' }), /enable subgroups;/);
  const best = gpu.features.has('subgroups') ? 'subgroup' : 'tree';
  assert.match(of({}), new RegExp(`^// softmax\\.\\w+\\.${best}, program`, 'm'));
});

test('without a room the rooms are listed; --list names kernels, variants, cases and workloads', () => {
  const all = kernelText(gpu, {});
  for (const { name } of rooms) assert.match(all, new RegExp(`^  ${name} +\\d+ cases`, 'm'));
  const softmax = rooms.find(({ name }) => name === 'softmax');
  const list = kernelText(gpu, { name: 'softmax', list: true });
  for (const name of [...softmax?.kernels ?? [], ...softmax?.cases ?? [], ...softmax?.workloads ?? []].map((each) =>
    each.name
  )) assert.ok(list.includes(name), name);
});

/** The error of a command line, with its hint. */
function refused(options: KernelOptions): string {
  const error = assert.throwsWith(() => kernelText(gpu, options), { code: 'FL_USAGE' });
  assert.is(exitCodeOf(error), 2);
  return `${error.message}\n${error.hint}`;
}

test('a wrong name is refused with the nearest one, and with those that there are', () => {
  assert.match(refused({ name: 'sofmax' }), /no room "sofmax"\ndid you mean "softmax"\? There are: .*\battention\b/);
  assert.match(refused({ name: 'softmax', variant: 'tre' }),
    /no variant of softmax on .* "tre"\ndid you mean "tree"\? There are: .*tree/);
  assert.match(refused({ name: 'gelu', case: 'nothing like it' }),
    /no case of gelu "nothing like it"\nThere are: \n {4}quick_gelu: both tails/);
  assert.match(refused({ name: 'gelu', case: 'one element' }),
    /"one element" is in the names of 3 cases\n\n {4}quick_gelu: one element/);
  assert.match(refused({ name: 'blend', gradient: true }), /blend: ".*" has no gradient/);
  const only = kernelText(gpu, { name: 'cross_entropy', variant: 'tree', gradient: true });
  assert.match(only, /^\/\/ No program of it is in the variant tree: .*\n(?:\/\/.*\n)+\n\/\/ cross_entropy_grad\./m);
  assert.match(kernelText(gpu, { name: 'softmax', case: 'logSoftmax: a row' }),
    /^\/\/ softmax, forward of the case "logSoftmax: a row longer than the workgroup, in vectors" in f32/);
});

/** What a command line of a page asks for. */
function optionsOf(line: string): KernelOptions {
  const flag = (name: string) =>
    new RegExp(`--${name} (?:"([^"]*)"|(\\S+))`).exec(line)?.slice(1).find((text) => text !== undefined);
  return { name: /kernel (\w+)/.exec(line)?.[1], variant: flag('variant'), case: flag('case'),
    gradient: line.includes('--gradient'), type: flag('dtype') as 'f16' | undefined };
}

test('every command of a page that prints a kernel names a room, a case and a variant that there are', () => {
  const pages = ['../README.md', ...rooms.map(({ name }) => `${name}/README.md`)].map((path) =>
    readFileSync(new URL(`../kernels/${path}`, import.meta.url), 'utf8')
  );
  const lines = [...pages, readFileSync(new URL('../kernels/README.md', import.meta.url), 'utf8')].flatMap((page) =>
    page.match(/npx firstlight kernel [a-z].*/g) ?? []
  );
  assert.ok(lines.length >= 10);
  const printable = lines.filter((line) => optionsOf(line).type !== 'f16' || gpu.features.has('shader-f16'));
  for (const line of printable) {
    const { variant, type, ...options } = optionsOf(line);
    // a page may name a variant that another adapter has
    const here = rooms.find(({ name }) => name === options.name)?.kernels.some((kernel) =>
      kernel.variants(gpu).includes(variant ?? '')
    );
    assert.match(kernelText(gpu, { ...options, type, variant: here ? variant : undefined }), /@compute/, line);
  }
});

test('the command prints it, and ends with 0', async () => {
  const { code, stdout } = await commandLine(['kernel', 'gelu', '--list']);
  assert.equal([code, stdout], [0, `${kernelText(gpu, { name: 'gelu', list: true })}\n`]);
});

test.after(() => gpu.close());
test.run();
