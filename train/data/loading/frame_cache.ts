import { holds, type I420Frame } from '../../../kernels/frames/i420.ts';
import { planOf, type Sample, type SampleRequest, viewsOf } from './plan.ts';

/** Decoded frames of a file, by index. */
interface Cached {
  readonly total: number;
  readonly frames: Map<number, I420Frame>;
}

/** Decoded frames in memory, for files whose views are the same every time. */
export class FrameCache {
  readonly #files = new Map<string, Cached>();
  #freeBytes: number;

  /** @param bytes of frames that are kept at most */
  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** The sample, if all of it is here. */
  find(request: SampleRequest): Sample | undefined {
    const cached = this.#files.get(request.path);
    if (cached === undefined || cached.frames.size === 0) return undefined;
    const plan = planOf(request);
    const indices = plan.pick(cached.total);
    const frames = indices.map((index) => cached.frames.get(index));
    const [first] = frames;
    if (first === undefined) return undefined;
    const part = plan.partOf(first);
    if (!frames.every((frame) => frame !== undefined && holds(frame, part))) return undefined;
    return { frames: frames as I420Frame[], views: viewsOf(plan, indices, first), total: cached.total };
  }

  /** Keeps what there is room for. Returns the sample with the frames that were here already in place of its own. */
  keep(request: SampleRequest, sample: Sample): Sample {
    const plan = planOf(request);
    if (!plan.isFixed) return sample;
    const cached = this.#files.get(request.path) ?? { total: sample.total, frames: new Map<number, I420Frame>() };
    const part = plan.partOf(sample.frames[0]);
    const frames = sample.views.flatMap((view) => view.frames).map((index, i) => {
      const [own, known] = [sample.frames[i], cached.frames.get(index)];
      if (known !== undefined) return holds(known, part) ? known : own;
      const { byteLength } = own.data;
      if (byteLength <= this.#freeBytes) {
        this.#freeBytes -= byteLength;
        cached.frames.set(index, own);
      }
      return own;
    });
    this.#files.set(request.path, cached);
    return { ...sample, frames };
  }
}
