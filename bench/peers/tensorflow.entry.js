// What is bundled of TensorFlow.js: the package's entry for Node leaves gradients and the WebGPU backend's kernels unregistered.
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-backend-webgpu';
export * from '@tensorflow/tfjs-core';
