/** The engine: knows WebGPU, knows no mathematics. */
export { Arena, type ArenaEntry, type ArenaSection } from './arena.ts';
export { type Asked, type Choice, choiceText, type Extents, type Machine, parseTunings, sameChoice, type Sizes, type TunedChoice, type Tuning } from './choices.ts';
export * from './errors.ts';
export { estimate, type MemoryEstimate } from './estimate.ts';
export { CapturedStep, type StepPlan } from './capture.ts';
export { type Context, type Counts, Gpu, open, type OpenOptions } from './gpu.ts';
export { flat, runsOf } from './flat.ts';
export { LARGEST_HALF } from './half.ts';
export { History } from './history.ts';
export { type Call, type Grid, Kernel, type Variant } from './kernel.ts';
export { assign, halve, Module, parameter, parameterCount } from './module.ts';
export type { KernelTime } from './profile.ts';
export { philox, Random, streamOf } from './random.ts';
export { backward, isRecording, noGrad, record, recompute, type SoFar } from './tape.ts';
export { type AnyTensor, type DType, type FloatType, type HostArrays, type Shape, sizeOf, Tensor } from './tensor.ts';
export { link, part, type Program, type Source } from './wgsl.ts';
