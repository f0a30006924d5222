/** ONNX Runtime Web on WebGPU: forward passes, inputs and outputs in buffers of the GPU. */
import * as ort from 'onnxruntime-web/webgpu';
import { idle } from './dawn.ts';
import { versionOf } from './install.ts';
import { CHANNELS_FIRST } from './layout.ts';
import { graphOf, waysOf } from './onnx_graphs.ts';
import { onnxModel } from './onnx_model.ts';
import type { Operand, Peer } from './task.ts';

function uploaded(device: GPUDevice, { data }: Operand, shape: readonly number[]): unknown {
  const buffer = device.createBuffer({ size: data.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC });
  device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  return ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: [...shape] });
}

export const peer: Peer = {
  version: async () => versionOf('onnxruntime-web'),
  layout: CHANNELS_FIRST,
  ways: waysOf,
  async prepare(task, way) {
    ort.env.logLevel = 'error';
    ort.env.wasm.numThreads = 1; // the work is the GPU's; more threads would take cores from it
    const operands = task.operands();
    const graph = graphOf(task, operands, way);
    const session = await ort.InferenceSession.create(onnxModel(graph), { executionProviders: ['webgpu'],
      preferredOutputLocation: 'gpu-buffer' });
    const device = (await ort.env.webgpu.device) as GPUDevice;
    const feeds = Object.fromEntries(
      Object.entries(graph.inputs).map(([name, shape]) => [name, uploaded(device, operands[name], shape)]),
    );
    return {
      async outputs() {
        const { y } = await session.run(feeds);
        return { y: (await y.getData()) as Float32Array };
      },
      async round(calls) {
        for (let i = 0; i < calls; i++) (await session.run(feeds)).y.dispose();
        await idle();
      },
    };
  },
};
