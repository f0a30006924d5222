/** A model on the GPU that has looked at a clip, and what it takes it for among labels. */
import { FirstlightError, type Gpu } from '../../engine/index.ts';
import type { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { TokenTable } from '../../model/checkpoint/token_table.ts';
import { inputOf, type System, type VideoFeatures } from '../../model/systems/system.ts';
import type { Sample } from '../../train/data/loading/plan.ts';
import { Candidates, PLAIN, requireWords } from '../../train/protocols/candidates.ts';
import { comparedWith, encoded, requireFinite } from '../../train/protocols/logits.ts';
import { framesSeen } from '../../train/protocols/seen.ts';
import type { Frames } from '../../train/report/data.ts';
import { KeptFeatures } from './features.ts';
import type { Ranked } from './protocol.ts';

/** Labels that are told. */
const TOP = 5;

/** The clip that was looked at last. */
interface Seen {
  readonly name: string;
  readonly sample: Sample;
  readonly videos: VideoFeatures;
}

export class Looking {
  readonly gpu: Gpu;
  readonly system: System;
  /** Undefined of a system with a head, which knows no texts. */
  readonly #features: KeptFeatures | undefined;
  #seen: Seen | undefined;

  /** @param checkpoint of the system, open as long as labels may come */
  constructor(gpu: Gpu, system: System, checkpoint: Checkpoint) {
    this.gpu = gpu;
    this.system = system;
    if (system.model.texts !== undefined) {
      this.#features = new KeptFeatures(gpu, system, new TokenTable(system, checkpoint));
    }
  }

  dispose(): void {
    this.#forget();
    this.system.model.dispose();
  }

  #forget(): void {
    this.#seen?.videos.video.dispose();
    this.#seen?.videos.patches?.dispose();
    this.#seen = undefined;
  }

  /** Encodes a clip, so that it can be compared with labels again and again. Returns what was seen of it. */
  async lookAt(name: string, sample: Sample): Promise<Frames> {
    this.#forget();
    const { model, preprocessor } = this.system;
    const input = inputOf(model, preprocessor);
    this.#seen = { name, sample, videos: encoded(this.gpu, model, sample, { input }) };
    return await framesSeen(this.gpu, sample, input);
  }

  /** The most probable labels of the clip. @throws FirstlightError FL_LABELS without any, where there is no head */
  async rank(asked: readonly string[]): Promise<readonly Ranked[]> {
    const { model, preprocessor } = this.system;
    const labels = asked.length > 0 ? asked : model.classes;
    if (labels === undefined) {
      throw new FirstlightError('FL_LABELS', 'there are no labels yet', {}, 'type some, one a line');
    }
    if (this.#seen === undefined) {
      throw new FirstlightError('FL_NO_CLIP', 'there is no clip yet', {}, 'choose a video, or take the camera');
    }
    requireWords(this.system, labels, PLAIN.templates);
    await this.#features?.prepare(labels);
    using candidates = new Candidates(this.gpu, this.system, labels, PLAIN,
      (texts) => (this.#features as KeptFeatures).of(texts));
    const { name, sample, videos: { video, patches } } = this.#seen;
    const { features } = candidates;
    const logits = await comparedWith(this.gpu, model, { video: video.alias(), ...(patches && {
      patches: patches.alias(),
    }) }, features);
    await requireFinite(this.gpu, model, logits, sample, { features, input: inputOf(model, preprocessor),
      nameOf: () => name });
    return candidates.rank(logits).slice(0, TOP).map(({ label, probability }) => ({ label: labels[label],
      probability })
    );
  }
}
