/** ONNX Runtime on the processor: the same graphs by its CPU provider. */
import * as ort from 'onnxruntime-node';
import { versionOf } from './install.ts';
import { CHANNELS_FIRST } from './layout.ts';
import { graphOf, waysOf } from './onnx_graphs.ts';
import { onnxModel } from './onnx_model.ts';
import type { Peer } from './task.ts';

/** On so many threads; 0: as many as the library takes by itself, which is one for each core. */
export const peerOn = (threads: number): Peer => ({
  version: async () => versionOf('onnxruntime-node'),
  layout: CHANNELS_FIRST,
  ways: waysOf,
  async prepare(task, way) {
    const operands = task.operands();
    const graph = graphOf(task, operands, way);
    const session = await ort.InferenceSession.create(onnxModel(graph), { executionProviders: ['cpu'],
      intraOpNumThreads: threads });
    const feeds = Object.fromEntries(
      Object.entries(graph.inputs).map((
        [name, shape],
      ) => [name, new ort.Tensor('float32', operands[name].data, [...shape])]),
    );
    return {
      async outputs() {
        const { y } = await session.run(feeds);
        return { y: y.data as Float32Array };
      },
      async round(calls) {
        for (let i = 0; i < calls; i++) await session.run(feeds);
      },
    };
  },
});
