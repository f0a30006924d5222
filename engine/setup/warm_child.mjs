/**
 * Compiles programs for another process: lavapipe compiles a program when it is first dispatched, be it on no
 * workgroups, and keeps it on disk. Told first of the device, then of one program at a time; answers each, when it is
 * done, with the seconds of a processor that it took.
 */
import { create, globals } from 'webgpu';

const COMPUTE = 0x4;
const [UNIFORM, STORAGE, INDIRECT] = [0x40, 0x80, 0x100];
/** Enough for the parameters of a kernel, and for an element of anything. */
const BYTES = 4096;

/** A device as the other process has it, and what programs are bound to. */
async function open({ flags, features, limits }) {
  Object.assign(globalThis, globals);
  const gpu = create(flags);
  globalThis.pinned = gpu; // Dawn dies when this is collected
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  const device = await adapter.requestDevice({ requiredFeatures: features, requiredLimits: limits });
  const buffer = (usage) => device.createBuffer({ size: BYTES, usage });
  return { device, nowhere: buffer(INDIRECT),
    of: { uniform: () => buffer(UNIFORM), buffer: () => buffer(STORAGE),
      texture: ({ storageTexture: { format } }) =>
        device.createTexture({ size: [1, 1, 1], format, usage: 0x08 }).createView({ dimension: '2d-array' }) } };
}

/** Awaits the device as patience.ts does, so that the driver has the processor. */
async function withoutSpinning(promise) {
  const word = new Int32Array(new SharedArrayBuffer(4));
  let isDone = false;
  const settle = () => (isDone = true);
  promise.then(settle, settle);
  while (!isDone) {
    Atomics.wait(word, 0, 0, 2);
    await new Promise(setImmediate);
  }
  return promise;
}

async function compile({ device, nowhere, of }, { code, entry, entries }) {
  const layout = device.createBindGroupLayout({ entries: entries.map((e) => ({ ...e, visibility: COMPUTE })) });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code }), entryPoint: entry },
  });
  const resourceOf = (e) =>
    e.buffer === undefined ? of.texture(e) : { buffer: e.buffer.type === 'uniform' ? of.uniform() : of.buffer() };
  const group = device.createBindGroup({ layout,
    entries: entries.map((e) => ({ binding: e.binding, resource: resourceOf(e) })) });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroupsIndirect(nowhere, 0);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await withoutSpinning(device.queue.onSubmittedWorkDone());
}

let opened;
process.on('SIGINT', () => undefined); // Ctrl-C reaches all processes of a terminal
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); // the driver may be in the midst of a program
process.on('message', (told) => {
  if (told.flags !== undefined) {
    opened = open(told);
    return;
  }
  opened.then(async (device) => {
    const before = process.cpuUsage();
    await compile(device, told);
    const { user, system } = process.cpuUsage(before);
    process.send({ seconds: (user + system) / 1e6 });
  }).catch(() => process.exit(1));
});
