import { Kernel, part, type Source, type Variant } from '../../engine/index.ts';

/** Activations that kernels can apply. `gelu` is the exact (erf) form. */
export type Activation = 'quick_gelu' | 'gelu' | 'gelu_tanh';

/** WGSL that defines `activation` and `activation_derivative`, by name. */
const SOURCES: Readonly<Record<Activation, readonly Source[]>> = {
  quick_gelu: [await part(import.meta.url, './activation/quick_gelu.wgsl'), await part(import.meta.url, './exp.wgsl')],
  gelu: [await part(import.meta.url, './activation/gelu.wgsl'), await part(import.meta.url, './special.wgsl')],
  gelu_tanh: [await part(import.meta.url, './activation/gelu_tanh.wgsl'),
    await part(import.meta.url, './special.wgsl')],
};

export const ACTIVATIONS = Object.keys(SOURCES) as readonly Activation[];

/** The same kernel once for each activation, linked with its `activation` and `activation_derivative`. */
export function kernelByActivation(name: string, parts: readonly Source[],
  variants?: Readonly<Record<string, Variant>>): Readonly<Record<Activation, Kernel>> {
  const build = (activation: Activation) =>
    new Kernel(`${name}.${activation}`, [...parts, ...SOURCES[activation]], variants);
  return { quick_gelu: build('quick_gelu'), gelu: build('gelu'), gelu_tanh: build('gelu_tanh') };
}
