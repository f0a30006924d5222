/** The ways in which the inputs of a case are stored, on the device and in float64. */
import { halvesFrom, valuesOf } from '../../engine/half.ts';
import type { FloatType, Gpu } from '../../engine/index.ts';
import type { Case, Input } from '../shared/room.ts';

/** How the inputs of a case are stored; `f16, f32 gradients` as parameters are: their gradients keep all digits. */
export type Storage = FloatType | 'f16, f32 gradients';

/** Ways to store the inputs of a case on this device. f16 needs numbers that it can hold. */
export function storages(gpu: Gpu, item: Case): Storage[] {
  const floats = Object.values(item.inputs).filter((input) => isStored(input, 'f16'));
  const fits = ({ data }: Input) =>
    Float32Array.from(data).every((value) => Math.abs(value) < 65520 || !Number.isFinite(value));
  if (!gpu.features.has('shader-f16') || (floats.length === 0 && item.takesType !== true) || !floats.every(fits)) {
    return ['f32'];
  }
  return item.wrt.length === 0 ? ['f32', 'f16'] : ['f32', 'f16', 'f16, f32 gradients'];
}

export function isStored({ data, isWide }: Input, type: FloatType): boolean {
  return data instanceof Float32Array && (type === 'f32' || isWide !== true);
}

export function floatOf(storage: Storage): FloatType {
  return storage === 'f32' ? 'f32' : 'f16';
}

/** The nearest numbers that can be stored. */
export function rounded(values: Float32Array, type: string): Float32Array {
  return type === 'f16' ? valuesOf(halvesFrom(values)) : values;
}

/** Inputs as they are stored. */
export function inputs64(item: Case, type: FloatType): Record<string, Float64Array> {
  const stored = (
    input: Input,
  ) => (type === 'f16' && isStored(input, 'f16') ? rounded(input.data as Float32Array, 'f16') : input.data);
  return Object.fromEntries(
    Object.entries(item.inputs).map(([name, input]) => [name, Float64Array.from(stored(input) as ArrayLike<number>)]),
  );
}
