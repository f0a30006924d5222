import { Gpu, open, type OpenOptions } from '../engine/index.ts';
import { gpuInstance } from '../engine/instance.node.ts';

/** A context on a device some of whose members are others. */
export async function openWith(members: (real: GPUDevice) => Partial<Record<keyof GPUDevice, unknown>>,
  options: OpenOptions = {}): Promise<Gpu> {
  const { device, adapter } = await open(options.without && { without: options.without });
  const others = members(device);
  const changed = new Proxy(device, {
    get(real, name) {
      if (Object.hasOwn(others, name)) return others[name as keyof GPUDevice];
      const value: unknown = Reflect.get(real, name, real);
      return typeof value === 'function' ? value.bind(real) : value; // Dawn's methods want Dawn's device
    },
  });
  return new Gpu(changed, adapter, await gpuInstance(), options);
}

/** A context that drops one submit, numbered from 1, without a word; and how many there were. */
export async function openDropping(dropped: number): Promise<{ gpu: Gpu; submits: () => number }> {
  let count = 0;
  const gpu = await openWith(({ queue }) => ({
    queue: new Proxy(queue, {
      get(real, name) {
        if (name === 'submit') {
          return (commands: GPUCommandBuffer[]) => {
            if (++count !== dropped) real.submit(commands);
          };
        }
        const value: unknown = Reflect.get(real, name, real);
        return typeof value === 'function' ? value.bind(real) : value;
      },
    }),
  }));
  return { gpu, submits: () => count };
}

/** What a device makes, and may lack memory for. */
export type Made = 'createBuffer' | 'createQuerySet' | 'createBindGroup' | 'createComputePipeline';

/**
 * A context on a device that runs out of memory as a card does: what it makes is invalid, and an error scope of that
 * filter, if there is one around, hears of it later, as of its echo in all that uses it.
 *
 * @param lacks whether there is no memory for the `count`th thing of this kind, from 1
 */
export function openLacking(
  lacks: (made: Made, count: number, descriptor: { readonly label?: string | undefined }) => boolean,
  options: OpenOptions = {},
): Promise<Gpu> {
  return openWith((real) => {
    const scopes: { readonly filter: GPUErrorFilter; error?: GPUError }[] = [];
    const counts = { createBuffer: 0, createQuerySet: 0, createBindGroup: 0, createComputePipeline: 0 };
    const listeners: ((event: { error: GPUError; preventDefault(): void }) => void)[] = [];
    const raise = (error: GPUError) => {
      const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
      if (scope === undefined) {
        for (const listener of listeners) {
          listener({ error, preventDefault: () => undefined });
        }
      } else scope.error ??= error;
    };
    const making =
      <D extends { readonly label?: string | undefined }, T>(made: Made, make: (descriptor: D) => T,
        broken: (descriptor: D) => D) =>
      (descriptor: D) => {
        if (!lacks(made, ++counts[made], descriptor)) return make(descriptor);
        real.pushErrorScope('validation');
        const invalid = make(broken(descriptor));
        void real.popErrorScope();
        raise(new GPUOutOfMemoryError(`no memory for ${descriptor.label}`));
        return invalid;
      };
    return {
      pushErrorScope(filter: GPUErrorFilter) {
        scopes.push({ filter });
        real.pushErrorScope(filter);
      },
      popErrorScope() {
        const scope = scopes.pop();
        return real.popErrorScope().then((error) => scope?.error ?? error);
      },
      addEventListener(_: 'uncapturederror', listener: (typeof listeners)[number]) {
        listeners.push(listener);
      },
      createBuffer: making('createBuffer', (descriptor: GPUBufferDescriptor) => real.createBuffer(descriptor),
        (descriptor) => ({ ...descriptor, usage: 0x1 | 0x2, mappedAtCreation: false })),
      createQuerySet: making('createQuerySet', (descriptor: GPUQuerySetDescriptor) => real.createQuerySet(descriptor),
        (descriptor) => ({ ...descriptor, count: 2 ** 20 })),
      createBindGroup: making('createBindGroup',
        (descriptor: GPUBindGroupDescriptor) => real.createBindGroup(descriptor),
        (descriptor) => ({ ...descriptor, entries: [] })),
      createComputePipeline: making('createComputePipeline',
        (descriptor: GPUComputePipelineDescriptor) => real.createComputePipeline(descriptor),
        (descriptor) => ({ ...descriptor, compute: { ...descriptor.compute, entryPoint: 'missing' } })),
    };
  }, options);
}
