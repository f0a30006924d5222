/** The page that trains: a plan, a run that begins, pauses and goes on, and what is seen of it. */
import { button, element, found } from '../pages/dom.ts';
import { duration } from '../pages/duration.ts';
import { faultNote } from '../pages/fault.ts';
import { saveFile } from '../pages/take_away.ts';
import type { Client } from '../worker/client.ts';
import { AttentionPanel } from './attention_panel.ts';
import type { LessonPlan } from './lesson.ts';
import { Live } from './live.ts';
import type { KeptRun, Look, TrainExchange, TrainProgress } from './protocol.ts';

export class TrainPanel {
  readonly #client: Client<TrainExchange>;
  readonly #form = found<HTMLFormElement>('#plan');
  readonly #panel = found('#panel');
  readonly #said = element('p', { className: 'hint', role: 'status' });
  readonly #actions = element('p', { className: 'actions' });
  /** What hinders nothing, and what went wrong. */
  readonly #troubles = element('div');
  readonly #faults = element('div');
  readonly #seen = element('div');
  readonly #title = document.title;
  /** Of the run that is seen. */
  #attention: AttentionPanel | undefined;
  /** Whether there is a plan in the form, which is a person's own from then on. */
  #isWritten = false;
  /** What is learned, in a sentence. */
  #stage = '';
  /** Where a training is, for the title; undefined while there is none. */
  #at: string | undefined;

  constructor(client: Client<TrainExchange>) {
    this.#client = client;
    this.#panel.append(this.#troubles, this.#faults, this.#said, this.#actions, this.#seen);
    this.#form.addEventListener('change', () => void this.#expect());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    document.addEventListener('visibilitychange', () => this.#showTitle());
  }

  /** Asks what there is: an adapter, and a run that was left. */
  async look(): Promise<void> {
    this.#troubles.replaceChildren();
    this.#say('Asking this browser for an adapter …');
    await this.#trying(() => this.look(), async () => {
      const look = await this.#client.ask({ kind: 'look' }, (progress) => this.#warn(progress));
      if (look.kept === undefined) await this.#offer(look);
      else this.#offerKept(look.kept, look.keeps);
    });
  }

  /** Does something, or shows why it could not be done. @param left says what there is all the same */
  async #trying(again: () => Promise<void>, work: () => Promise<void>, left = () => ''): Promise<void> {
    this.#faults.replaceChildren();
    try {
      await work();
    } catch (error) {
      this.#at = undefined;
      this.#showTitle();
      this.#say(left());
      this.#actions.replaceChildren();
      this.#faults.replaceChildren(faultNote(error, () => void again()));
    }
  }

  /** A new run. */
  async #offer({ adapter, kind, hasHalf }: Look): Promise<void> {
    const isSoftware = kind === 'software';
    this.#form.hidden = false;
    this.#seen.replaceChildren();
    if (!hasHalf) this.#withoutHalf();
    const choose = (name: 'full' | 'short') =>
      button(name === 'full' ? 'All of it' : 'A short form', () => {
        this.#write(JSON.parse(this.#form.dataset[name] as string) as LessonPlan);
        void this.#expect();
      });
    this.#actions.replaceChildren(
      button('Start', () => {
        if (this.#form.reportValidity()) void this.#train(this.#plan);
      }, true),
      ' ',
      choose('full'),
      ' ',
      choose('short'),
    );
    const isShort = isSoftware && !this.#isWritten;
    if (isShort) this.#write(JSON.parse(this.#form.dataset.short as string) as LessonPlan);
    this.#say(`${adapter}, a ${kind} adapter.`);
    await this.#expect(isShort
      ? 'Here the processor does the work of a GPU, so this is the short form, which shows that all parts work and learns little.'
      : '');
  }

  /** On an adapter that stores no f16. */
  #withoutHalf(): void {
    const choice = this.#form.elements.namedItem('precision') as HTMLSelectElement;
    const [full, half] = choice.options;
    half.disabled = true;
    half.textContent = 'f16, which this adapter does not store';
    choice.value = full.value;
  }

  /** A run that was left: in this tab or in an earlier one. */
  #offerKept(kept: KeptRun, outlives: boolean): void {
    this.#form.hidden = true;
    this.#write(kept.plan);
    const place = `behind step ${kept.step} of ${kept.stage}`;
    this.#say(outlives
      ? `A run is kept in this browser, ${place}.`
      : `A run is at hand in this tab, ${place}: this browser does not keep it.`);
    this.#see(kept.plan, new Live(kept.plan, kept));
    this.#actions.replaceChildren(button('Go on', () => void this.#train(kept.plan, kept), true), ' ',
      ...this.#choices());
  }

  /** What can be done with a run that is kept. */
  #choices(): (Node | string)[] {
    return [button('Download', () => void this.#download()), ' ', button('Forget this run', () => void this.#forget())];
  }

  /** Shows a run, and who attends to whom in it. */
  #see(plan: LessonPlan, { host }: Live): void {
    this.#attention = new AttentionPanel(plan, (place) => this.#client.ask({ kind: 'see', place }));
    this.#seen.replaceChildren(host, this.#attention.host);
  }

  async #download(): Promise<void> {
    await this.#trying(() => this.look(), async () => {
      const { name, zip } = await this.#client.ask({ kind: 'folder' });
      saveFile(name, new Blob([zip], { type: 'application/zip' }));
    });
  }

  async #forget(): Promise<void> {
    await this.#trying(() => this.look(), async () => {
      await this.#client.ask({ kind: 'forget' });
      await this.look();
    });
  }

  async #train(plan: LessonPlan, kept?: KeptRun): Promise<void> {
    this.#form.hidden = true;
    const live = new Live(plan, kept);
    this.#see(plan, live);
    const pause = button('Pause', () => {
      pause.disabled = true;
      this.#say('Pausing behind this step …');
      void this.#client.ask({ kind: 'pause' });
    }, true);
    this.#actions.replaceChildren(pause);
    this.#troubles.replaceChildren();
    this.#say('Beginning …');
    await this.#trying(() => this.look(), async () => {
      const outcome = await this.#client.ask({ kind: 'train', plan }, (progress) => {
        live.hear(progress);
        this.#hear(progress, plan);
      });
      this.#at = undefined;
      this.#showTitle();
      if (!outcome.isDone) return await this.look();
      this.#say('Done.');
      this.#actions.replaceChildren(...this.#choices());
    }, () => live.left);
  }

  #hear(progress: TrainProgress, { clipSteps, videoSteps }: LessonPlan): void {
    if (progress.kind === 'step') {
      const { stage, report: { step } } = progress;
      this.#at = `${stage} ${step}/${stage === 'CLIP' ? clipSteps : videoSteps}`;
      this.#showTitle();
    } else if (progress.kind === 'stage') {
      this.#stage = `${
        progress.stage === 'CLIP' ? 'Stage 1: CLIP learns from pictures' : 'Stage 2: X-CLIP learns from clips'
      }${progress.done > 0 ? `, from step ${progress.done} on` : ''}.`;
      this.#say(this.#stage);
    } else if (progress.kind === 'compile') {
      this.#say(`${this.#stage} Compiling programs: ${progress.done} of ${progress.total}.`);
    } else if (progress.kind === 'measured') this.#attention?.refresh();
    else if (progress.kind === 'measure') {
      this.#say(
        `${this.#stage} Measuring: ${progress.done} of ${progress.total} clips.`,
      );
    } else this.#warn(progress);
  }

  /** What hinders nothing, and is to be known. */
  #warn(progress: TrainProgress): void {
    if (progress.kind !== 'trouble') return;
    this.#troubles.replaceChildren(element('p', { className: 'note wrong' }, progress.sentence));
  }

  /** The tab tells how far the run is, and that it goes on behind others. */
  #showTitle(): void {
    const behind = document.hidden ? ', in the background' : '';
    document.title = this.#at === undefined ? this.#title : `${this.#at}${behind} · ${this.#title}`;
  }

  /** How long the plan would take. */
  async #expect(hint = ''): Promise<void> {
    if (this.#form.hidden || !this.#form.checkValidity()) return;
    await this.#trying(() => this.look(), async () => {
      const { seconds } = await this.#client.ask({ kind: 'expect', plan: this.#plan });
      this.#say(`Some ${duration(seconds)} on this adapter. ${hint}`);
    });
  }

  get #plan(): LessonPlan {
    const entries = [...new FormData(this.#form)].map((
      [key, value],
    ) => [key, key === 'precision' ? value : Number(value)]);
    return Object.fromEntries(entries) as LessonPlan;
  }

  #write(plan: LessonPlan): void {
    this.#isWritten = true;
    for (const [key, value] of Object.entries(plan)) {
      (this.#form.elements.namedItem(key) as HTMLInputElement).value = String(value);
    }
  }

  #say(sentence: string): void {
    this.#said.textContent = sentence;
  }
}
