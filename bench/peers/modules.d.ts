/** Peers are installed when they are first measured, so nothing here can rely on their types. */
declare module '@jax-js/jax';
declare module '@tensorflow/tfjs-core';
declare module 'onnxruntime-web/webgpu';
declare module 'onnxruntime-node';
