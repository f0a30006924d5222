/** The programs that the cases of rooms are run with, as text: nothing is compiled, and nothing runs. */
import { type AdapterInfo, Gpu } from '../engine/index.ts';
import type { Room } from '../kernels/shared/room.ts';
import { recordCase } from '../kernels/checking/run_case.ts';
import { combinations } from '../kernels/checking/runs.ts';
import { storages } from '../kernels/checking/storage.ts';
import { nullDevice } from './null_gpu.ts';

/** What a large card has. */
const LIMITS = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupStorageSize: 65536 };

/**
 * Every program that an adapter with this report is given by the cases of `rooms`, in every variant that it can run,
 * and every way to store tensors.
 *
 * @returns the label of one call by the text of its program
 */
export async function linkedPrograms(rooms: readonly Room[], info: AdapterInfo): Promise<ReadonlyMap<string, string>> {
  const programs = new Map<string, string>();
  const { device, adapter, instance } = await nullDevice(info);
  // a program is noted, and one that does nothing is compiled in its place; but the engine's own takes the layout of
  // its bindings from its text
  const createShaderModule = ({ code, label = '' }: GPUShaderModuleDescriptor) => {
    programs.set(code, label);
    if (label === 'canary') return device.createShaderModule({ label, code });
    const entry = /@compute[^{]*?\bfn\s+(\w+)/.exec(code)?.[1];
    return device.createShaderModule({ label, code: `@compute @workgroup_size(1) fn ${entry}() {}` });
  };
  const limits = new Proxy(device.limits, {
    get: (of, name) => Reflect.get(LIMITS, name) ?? Reflect.get(of, name, of),
  });
  const replaced: Readonly<Record<string, unknown>> = { createShaderModule, limits };
  const noting = new Proxy(device, {
    get(of, name) {
      const value: unknown = replaced[name as string] ?? Reflect.get(of, name, of);
      return typeof value === 'function' && name !== 'createShaderModule'
        ? (value as (...all: unknown[]) => unknown).bind(of)
        : value;
    },
  });
  await using gpu = new Gpu(noting, adapter, instance, {});
  for (const room of rooms) {
    room.cases.forEach((item, number) => {
      for (const storage of storages(gpu, item)) {
        for (const chosen of combinations(gpu, room, number, storage === 'f32' ? 'f32' : 'f16')) {
          // with a gradient, and as where none is asked for, which may take other kernels
          for (const each of item.wrt.length === 0 ? [item] : [item, { ...item, wrt: [] }]) {
            const { inputs, outputs, gradients } = recordCase(gpu, each, chosen, storage);
            for (const tensor of [...outputs, ...gradients, ...Object.values(inputs)]) tensor.dispose();
          }
        }
      }
    });
    gpu.recorder.flush();
    await gpu.settled();
  }
  return programs;
}
