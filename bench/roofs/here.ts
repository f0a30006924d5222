/** The roofs of the machine that this process runs on, that of its processor among them. */
import type { Gpu } from '../../engine/index.ts';
import { DispatchClock } from '../clock.ts';
import { RoofKernels, type Roofs } from './index.ts';
import { measureProcessor } from './processor.ts';

export async function measureRoofs(gpu: Gpu): Promise<Roofs> {
  const kernels = new RoofKernels(gpu, new DispatchClock(gpu));
  const roofs = await kernels.measure();
  kernels.dispose();
  return gpu.kind === 'software' ? { ...roofs, processorGflops: await measureProcessor() } : roofs;
}
