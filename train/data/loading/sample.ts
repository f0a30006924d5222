import { readClipParts } from '../video/read.ts';
import type { ClipCache } from './clip_cache.ts';
import { planOf, type Sample, type SampleRequest, viewsOf } from './plan.ts';

/**
 * Decodes a sample, or takes it from a cache, to which a decoded clip is added.
 * @throws VideoDecodeError naming the file and the reason
 */
export async function readSample(request: SampleRequest, cache?: ClipCache): Promise<Sample> {
  const { path } = request;
  const plan = planOf(request);
  let asked = { total: 0, indices: [0] };
  const pick = (total: number) => {
    asked = { total, indices: plan.pick(total) };
    return asked.indices;
  };
  const read = async () => {
    using writer = cache?.writer(path);
    const decoded = await readClipParts(path, pick, plan.partOf, writer);
    writer?.commit();
    return decoded;
  };
  const frames = cache?.find(path, pick, plan.partOf) ?? (await read());
  return { frames, views: viewsOf(plan, asked.indices, frames[0]), total: asked.total };
}
