// Run as a child by setup_run.test.ts. Says what it sees of its environment, then does what its argument says.
import { writeSync } from 'node:fs';
import { gpuInstance } from '../engine/instance.node.ts';

/** Doubles [1, 2, 3, 4] on the device and reads the answer. */
async function double(device: GPUDevice): Promise<number[]> {
  const code =
    '@group(0) @binding(0) var<storage, read_write> x: array<f32>; @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) i: vec3u) { x[i.x] *= 2.0; }';
  const pipeline = device.createComputePipeline({ layout: 'auto',
    compute: { module: device.createShaderModule({ code }) } });
  const buffer = device.createBuffer({ size: 16,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, Float32Array.of(1, 2, 3, 4));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0,
    device.createBindGroup({ layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer } }] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, 16);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return [...new Float32Array(staging.getMappedRange())];
}

const [task] = process.argv.slice(2);
if (task === 'leave') process.exit(7);
if (task === 'stderr') {
  process.stderr.write('first\n');
  console.error('second');
  writeSync(2, 'native words without an end'); // past what Node does with process.stderr
  process.exit(0);
}
if (task === 'talk') {
  console.log('ready');
  for (let i = 0; i < 20; i++) { // a training that goes on, and tells of each step
    process.stderr.write(`step ${i}\n`);
    writeSync(2, 'native words\n');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  console.log('done');
  process.exit(7);
}
if (task === 'save') {
  process.on('SIGTERM', () => {
    console.log('saved');
    process.exit(143);
  });
  console.log('ready');
  setInterval(() => undefined, 1000);
} else if (task === 'wait') {
  let interrupts = 0;
  process.on('SIGINT', () => {
    console.log(`interrupt ${++interrupts}`);
    setTimeout(() => process.exit(130), 600); // time for an echo to arrive
  });
  console.log('ready');
  setInterval(() => undefined, 1000);
} else {
  // nothing but the device is held: instance and adapter are for the engine to keep
  const device = await (async () => {
    const { gpu } = await gpuInstance();
    const adapter = await gpu.requestAdapter();
    console.log(`adapter ${adapter?.info.description}`);
    return adapter?.requestDevice();
  })();
  for (let i = 0; i < 10; i++) {
    new ArrayBuffer(64 << 20);
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (globalThis.gc !== undefined) console.log('collected');
  if (device !== undefined) console.log(`doubled ${await double(device)}`);
  process.exit(0);
}
