/** The page that classifies: a model, labels and a clip, in any order, and what the one takes the other for. */
import type { FloatType } from '../../engine/dtype.ts';
import { FirstlightError } from '../../engine/errors.ts';
import { element, found } from '../pages/dom.ts';
import { faultNote } from '../pages/fault.ts';
import { codeOf, sentenceOf } from '../pages/sentence.ts';
import type { Client } from '../worker/client.ts';
import { rankingView, seenView } from './answer_view.ts';
import { ClipPanel } from './clip_panel.ts';
import { labelsOf } from './labels.ts';
import { ModelPanel } from './model_panel.ts';
import { ProgressText } from './progress.ts';
import type { ClassifyExchange, ClassifyLook, ClassifyProgress, ClipSource, ModelSource, Opened,
  Seen } from './protocol.ts';

/** Milliseconds without a key after which labels are ranked. */
const PAUSE = 150;
/** After these errors the worker, and all that it held, is gone. */
const WITHOUT_WORKER = /^FL_(WORKER|STOPPED|LOAD$)/;

/** A model that was chosen. */
interface Model {
  readonly source: ModelSource;
  readonly opened: Opened;
  /** Once it was loaded. */
  precision?: FloatType;
  /** Whether the worker that there is opened it; false once that was lost. */
  isOpen: boolean;
}

export class ClassifyPanel {
  readonly #client: Client<ClassifyExchange>;
  readonly #all = found('#classify');
  readonly #faults = found('#faults');
  readonly #said = element('p', { className: 'hint', role: 'status' });
  readonly #answer = found('#answer .panel');
  readonly #words = found<HTMLTextAreaElement>('#words');
  readonly #hint = found('#words-hint');
  readonly #models: ModelPanel;
  #look: ClassifyLook | undefined;
  #model: Model | undefined;
  #clip: ClipSource | undefined;
  /** What the model saw of the clip; undefined before it did. */
  #seen: Seen | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Rankings that were asked for: the last one counts. */
  #asked = 0;

  constructor(client: Client<ClassifyExchange>) {
    this.#client = client;
    this.#models = new ModelPanel(found('#model .panel'), this.#all.dataset.hub as string, {
      open: (source) => void this.#open(source),
      load: (precision, keep) => void this.#load(precision, keep),
      forget: (name) => void this.#forget(name),
    });
    new ClipPanel(found('#clip .panel'), { look: (clip) => this.#lookAt(clip),
      fault: (error, again) => this.#show(error, again), wanted: () => this.#wanted() });
    this.#answer.before(this.#said);
    this.#words.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#rankAgain(), PAUSE);
    });
  }

  /** Asks what there is: an adapter, and checkpoints that are kept. */
  async look(): Promise<void> {
    await this.#trying(() => this.look(), async () => {
      this.#look = await this.#client.ask({ kind: 'look' });
      this.#models.showKept(this.#look.kept);
      this.#all.hidden = false;
      this.#say('Choose a model and a clip.');
    });
  }

  #say(sentence: string): void {
    this.#said.textContent = sentence;
  }

  #show(error: unknown, again: () => void): void {
    if (this.#model !== undefined && WITHOUT_WORKER.test(codeOf(error))) this.#model.isOpen = false;
    this.#say('');
    this.#faults.replaceChildren(faultNote(error, () => {
      this.#faults.replaceChildren();
      again();
    }));
  }

  /** Does something, or shows why it could not be done. */
  async #trying(again: () => Promise<void>, work: () => Promise<void>): Promise<void> {
    this.#faults.replaceChildren();
    try {
      await work();
    } catch (error) {
      this.#show(error, () => void again());
    }
  }

  /** Takes what is told on the way to an answer. */
  #hearing(): (progress: ClassifyProgress) => void {
    const text = new ProgressText();
    return (progress) => {
      if (progress.kind === 'trouble') {
        return this.#faults.replaceChildren(element('p', { className: 'note wrong' }, progress.sentence));
      }
      const sentence = text.of(progress, performance.now());
      if (sentence !== undefined) this.#say(sentence);
    };
  }

  async #open(source: ModelSource): Promise<void> {
    this.#model = undefined;
    this.#seen = undefined;
    this.#models.clear();
    this.#answer.replaceChildren();
    await this.#trying(() => this.#open(source), async () => {
      const opened = await this.#client.ask({ kind: 'open', source }, this.#hearing());
      this.#model = { source, opened, isOpen: true };
      const look = this.#look as ClassifyLook;
      const isKept = look.kept.some(({ name }) => name === opened.path);
      this.#models.offer(opened, look, source.kind === 'hub' && !isKept);
      this.#say('');
    });
  }

  async #load(precision: FloatType, keep: boolean): Promise<void> {
    const model = this.#model;
    if (model === undefined) return;
    await this.#trying(() => this.#load(precision, keep), async () => {
      await this.#reopen(model);
      const { seconds, kept } = await this.#client.ask({ kind: 'load', precision, keep }, this.#hearing());
      model.precision = precision;
      this.#look = { ...this.#look as ClassifyLook, kept };
      this.#models.showKept(kept);
      this.#say(`Loaded in ${seconds.toFixed(1)} s.`);
      if (this.#clip !== undefined) await this.#classify(this.#clip);
    });
  }

  /** Opens a model again that another worker opened. Returns whether that was so. */
  async #reopen(model: Model): Promise<boolean> {
    if (model.isOpen) return false;
    await this.#client.ask({ kind: 'open', source: model.source }, this.#hearing());
    return model.isOpen = true;
  }

  async #forget(name: string): Promise<void> {
    await this.#trying(() => this.#forget(name), async () => {
      const kept = await this.#client.ask({ kind: 'forget', name });
      this.#look = { ...this.#look as ClassifyLook, kept };
      this.#models.showKept(kept);
    });
  }

  /** What the model wants of a clip. */
  #wanted() {
    if (this.#model?.precision === undefined) return undefined;
    const { frames, size, resize } = this.#model.opened;
    return { frames, size, resize };
  }

  async #lookAt(clip: ClipSource): Promise<void> {
    this.#clip = clip;
    if (this.#model?.precision === undefined) return this.#say('The clip is there; choose and load a model for it.');
    await this.#trying(() => this.#lookAt(clip), () => this.#classify(clip));
  }

  async #classify(clip: ClipSource): Promise<void> {
    const model = this.#model as Model;
    if (await this.#reopen(model)) {
      await this.#client.ask({ kind: 'load', precision: model.precision as FloatType, keep: false }, this.#hearing());
    }
    const begin = performance.now();
    this.#seen = undefined;
    this.#seen = await this.#client.ask({ kind: 'clip', clip }, this.#hearing());
    await this.#rank();
    this.#say(`Done in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
  }

  async #rankAgain(): Promise<void> {
    const clip = this.#clip;
    await this.#trying(async () => clip && this.#lookAt(clip), () => this.#rank());
  }

  /** Ranks the labels as they are now. What is wrong with them is said beside them. */
  async #rank(): Promise<void> {
    const seen = this.#seen;
    if (seen === undefined) return;
    const asked = ++this.#asked;
    try {
      const labels = labelsOf(this.#words.value);
      const ranking = await this.#client.ask({ kind: 'rank', labels }, this.#hearing());
      if (asked !== this.#asked || seen !== this.#seen) return; // others were typed, or shown, meanwhile
      this.#hint.textContent = '';
      this.#answer.replaceChildren(rankingView(ranking), seenView(seen));
    } catch (error) {
      if (!isOfLabels(error)) throw error;
      if (asked !== this.#asked) return;
      this.#hint.textContent = `${sentenceOf(error)}.`;
      this.#answer.replaceChildren(seenView(seen));
    }
  }
}

/** Whether an error is about what was typed. */
const isOfLabels = (error: unknown): boolean =>
  error instanceof FirstlightError && /^FL_(LABELS|TEXT_TOO_LONG|UNKNOWN_WORDS|CONFIG)$/.test(error.code);
