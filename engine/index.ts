/** The engine: knows WebGPU, knows no mathematics. */
export { Arena, type ArenaEntry, type ArenaSection } from './arena.ts';
export { browserAdvice, browserName, type Surroundings } from './browser_advice.ts';
export { type Asked, type Candidate, candidateText, type Extents, parseTunings, sameCandidate, type Sizes,
  type TunedCandidate, type Tuning } from './candidates.ts';
export * from './errors.ts';
export { ENGINE_BYTES, estimate, type MemoryEstimate } from './estimate.ts';
export { CapturedStep } from './capture.ts';
export type { Warmed } from './compile.ts';
export type { StepPlan } from './recorded_step.ts';
export { accumulate, copy } from './arithmetic.ts';
export { Context } from './context.ts';
export { Courier } from './courier.ts';
export type { Counts, WatchdogOptions } from './device.ts';
export { asyncDispose, dispose } from './disposal.ts';
export { bytesOf, type DType, type FloatType, type HostArrays, type Shape, sizeOf } from './dtype.ts';
export { Gpu, open, type OpenOptions } from './gpu.ts';
export { flat, flatTiles } from './flat.ts';
export { LARGEST_HALF } from './half.ts';
export { History } from './history.ts';
export { type Call, type Grid, Kernel, type Variant } from './kernel.ts';
export { type AdapterInfo, type AdapterReport, FEATURE_USES, isSameMachine, LIMIT_USES, type Machine, type MatrixConfig,
  onlySize, reportOf, type SubgroupSizes, untunable } from './machine.ts';
export { assign, buffer, counter, halve, Module, parameter, parameterCount, storedAs } from './module.ts';
export type { KernelRun, KernelTime } from './profile.ts';
export { philox, Random, streamOf } from './random.ts';
export { alignmentOf, BINDING_ALIGNMENT, bindingBytes, ELEMENT_ALIGNMENT, fitsBinding, gcd, inRanges, largestFitting,
  type Range, rangesOf } from './ranges.ts';
export { isRecording, isRepeating, noGrad } from './node.ts';
export { backward, type Pull, record, recompute, type SoFar } from './tape.ts';
export type { Clock, Stretch } from './stretch.ts';
export { type AnyTensor, sameShape, Tensor } from './tensor.ts';
export { Struct } from './struct.ts';
export type { Texture } from './textures.ts';
export { type Command, commandsOf, type Dispatch, type Move } from './dispatches.ts';
export { link, part, type Program, type Source } from './wgsl.ts';
