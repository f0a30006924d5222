/** What the worker that classifies does for each request. It needs no worker: tests call it in Node. */
import { FirstlightError, type FloatType } from '../../engine/index.ts';
import { type Checkpoint, openCheckpointAt } from '../../model/checkpoint/checkpoint.ts';
import { loadSystem } from '../../model/checkpoint/system.ts';
import { imageSizeOf } from '../../model/systems/config.ts';
import { titleOf } from '../../model/systems/title.ts';
import type { ClipTokenizer } from '../../model/tokenizer.ts';
import { SharedContext } from '../worker/contexts.ts';
import { Looking } from './looking.ts';
import { placeOfFiles } from './model/files.ts';
import { Hub } from './model/hub.ts';
import { Reading } from './model/reading.ts';
import { forgetModel, keptModels } from './model/shelf.ts';
import { needsOf } from './needs.ts';
import type { ClassifyAnswers, ClassifyLook, ClassifyProgress, ClassifyRequest, ClipSource, ModelSource, Opened, Ranked,
  Seen } from './protocol.ts';
import type { Clip, ClipOptions } from './video/clip.ts';

type Tell = (progress: ClassifyProgress) => void;

/** What is done in another way in a page than in Node. */
export interface ClassifyTools {
  /** The clip that a model looks at, out of a video. */
  readClip(file: Blob, name: string, options: ClipOptions): Promise<Clip>;
  /** CLIP's, for a checkpoint without a tokenizer of its own. */
  clipTokenizer(): Promise<ClipTokenizer>;
}

/** Answers requests, one after another, on one context that stays open. */
export class ClassifyService {
  readonly #tools: ClassifyTools;
  readonly #contexts = new SharedContext();
  readonly #hub = new Hub();
  #last: Promise<unknown> = Promise.resolve();
  #checkpoint: Checkpoint | undefined;
  #reading = new Reading();
  #precision: FloatType = 'f32';
  #looking: Looking | undefined;

  constructor(tools: ClassifyTools) {
    this.#tools = tools;
  }

  /** The answer to a request, once those before it are answered. */
  answer<R extends ClassifyRequest>(request: R, tell: Tell = () => undefined): Promise<ClassifyAnswers[R['kind']]> {
    const answer = this.#last.then(() => this.#answer(request, tell)) as Promise<ClassifyAnswers[R['kind']]>;
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#forgetCheckpoint();
    await this.#contexts.close();
  }

  async #answer(request: ClassifyRequest, tell: Tell): Promise<ClassifyAnswers[ClassifyRequest['kind']]> {
    switch (request.kind) {
      case 'look':
        return await this.#look();
      case 'open':
        return await this.#open(request.source, tell);
      case 'load':
        return await this.#load(request, tell);
      case 'clip':
        return await this.#lookAt(request.clip, tell);
      case 'rank':
        return await this.#rank(request.labels, tell);
      case 'forget':
        await forgetModel(request.name);
        return await keptModels();
    }
  }

  async #look(): Promise<ClassifyLook> {
    const gpu = await this.#contexts.current();
    return { adapter: gpu.name, kind: gpu.kind, hasHalf: gpu.features.has('shader-f16'), kept: await keptModels() };
  }

  async #forgetCheckpoint(): Promise<void> {
    this.#looking?.dispose();
    this.#looking = undefined;
    await this.#checkpoint?.close();
    this.#checkpoint = undefined;
  }

  async #open(source: ModelSource, tell: Tell): Promise<Opened> {
    const gpu = await this.#contexts.current();
    await this.#forgetCheckpoint();
    tell({ kind: 'stage', stage: 'open' });
    const place = source.kind === 'files'
      ? await placeOfFiles(source.files)
      : await this.#hub.place(source.hub, source.name, tell);
    this.#reading = new Reading();
    const checkpoint = await openCheckpointAt({ ...place, folder: this.#reading.of(place.folder) });
    this.#checkpoint = checkpoint;
    const { path, config, preprocessor: { resize }, warnings } = checkpoint;
    const { maxBufferSize: buffer, maxStorageBufferBindingSize: binding } = gpu.limits;
    return { path, system: titleOf(config), frames: config.frames, size: imageSizeOf(config), resize, warnings,
      needs: needsOf(gpu, checkpoint), limits: { buffer, binding }, ...('classes' in config && {
        classes: config.classes,
      }) };
  }

  async #load({ precision, keep }: Extract<ClassifyRequest, { kind: 'load' }>,
    tell: Tell): Promise<ClassifyAnswers['load']> {
    const begin = performance.now();
    if (keep && this.#checkpoint !== undefined) await this.#hub.keep(this.#checkpoint.path, tell);
    this.#precision = precision;
    this.#looking?.dispose();
    this.#looking = undefined;
    await this.#ready(tell);
    return { seconds: (performance.now() - begin) / 1000, kept: await keptModels() };
  }

  /** The model on a device that works: after a loss it is loaded again. */
  async #ready(tell: Tell): Promise<Looking> {
    const gpu = await this.#contexts.current();
    if (this.#looking?.gpu === gpu) return this.#looking;
    this.#looking?.dispose();
    this.#looking = undefined;
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) {
      throw new FirstlightError('FL_NO_MODEL', 'there is no model yet', {}, 'choose one first');
    }
    gpu.requireType(this.#precision);
    this.#hub.hear(tell);
    const system = await this.#reading.told(tell,
      () =>
        loadSystem(gpu, checkpoint, { precision: this.#precision, clipTokenizer: this.#tools.clipTokenizer,
          hasFewTokens: true }));
    return this.#looking = new Looking(gpu, system, checkpoint);
  }

  async #lookAt(clip: ClipSource, tell: Tell): Promise<Seen> {
    const looking = await this.#ready(tell);
    const { model: { input }, preprocessor: { resize } } = looking.system;
    tell({ kind: 'stage', stage: 'decode' });
    const sample = 'sample' in clip
      ? { ...clip.sample, isExact: true }
      : await this.#tools.readClip(clip.file, clip.name, { frames: input.frames, size: input.size, resize });
    tell({ kind: 'stage', stage: 'look' });
    const frames = await looking.lookAt(clip.name, sample);
    const { views: [{ crop }], frames: [{ width, height }], total, isExact } = sample;
    return { name: clip.name, frames, crop, picture: { width, height }, total, isExact };
  }

  async #rank(labels: readonly string[], tell: Tell): Promise<readonly Ranked[]> {
    const looking = await this.#ready(tell);
    tell({ kind: 'stage', stage: 'labels' });
    this.#hub.hear(tell);
    return await looking.rank(labels);
  }
}
