import type { Gpu } from '../../engine/index.ts';
import type { VideoModel } from '../../model/systems/system.ts';
import type { World } from '../../mpi/world.ts';

/**
 * Gives all ranks what the model of rank 0 holds, running statistics too: adapters of several kinds drift apart, though
 * they start alike and add the same gradients.
 */
export async function sendWeights(world: World, gpu: Gpu, model: VideoModel): Promise<void> {
  const tensors = [...model.state()].map(([, tensor]) => tensor);
  const arrays = await gpu.read(tensors.map((tensor) => tensor.master ?? tensor));
  for (const [i, { buffer, byteOffset, byteLength }] of arrays.entries()) {
    await world.broadcast(new Uint8Array(buffer, byteOffset, byteLength), 0);
    if (world.rank === 0) continue;
    const tensor = tensors[i];
    const { master } = tensor;
    (master ?? tensor).write(arrays[i] as Float32Array);
    if (master !== undefined) gpu.copy(master, tensor); // its shadow in half precision
  }
}
