/**
 * A study page at work: files that are edited, one verdict at a time, and panels that check, show and measure what is
 * chosen.
 */
import { element, found } from '../pages/dom.ts';
import { sentenceOf } from '../pages/sentence.ts';
import type { Client } from '../worker/client.ts';
import { type Verdict, verdictDetail, verdictText } from '../worker/verdict_text.ts';
import { decode, encode, type KnownNames, type StudyState } from './address.ts';
import { Choices } from './choice.ts';
import { Edits } from './edits.ts';
import { FilePanel, type Outcome } from './file_panel.ts';

export class Study {
  readonly room: string;
  readonly client: Client;
  readonly choices: Choices;
  readonly edits: Edits;
  readonly #panels: ReadonlyMap<string, FilePanel>;
  /** The file of the last change, whose verdict is asked for. */
  #changed: FilePanel | undefined;
  #isJudging = false;

  constructor(client: Client) {
    this.client = client;
    this.room = found('#study').dataset.room ?? '';
    this.edits = new Edits(this.room);
    this.choices = new Choices(() => this.#again(), () => void this.#restrict());
    const figures = document.querySelectorAll<HTMLElement>('figure.wgsl');
    const panels = [...figures].map((figure) => new FilePanel(figure, (panel, text) => this.#change(panel, text)));
    this.#panels = new Map(panels.map((panel) => [panel.file, panel]));
  }

  /** What an address may hold here. */
  get #known(): Readonly<Record<string, KnownNames>> {
    return { [this.room]: { ...this.choices.names, files: [...this.#panels.keys()] } };
  }

  get #state(): StudyState {
    const { case: item, variant, type } = this.choices.chosen;
    return { room: this.room, case: item, variant, dtype: type, files: this.edits.texts };
  }

  #change(panel: FilePanel, text: string): void {
    this.edits.set(panel.file, text === panel.original ? undefined : text);
    if (!panel.isOpen) return this.#again();
    this.#changed = panel;
    void this.#judge();
  }

  /** What is still changed is judged anew: in another case or variant, or without a change that was taken back. */
  #again(): void {
    this.#changed = [...this.#panels.values()].find(({ file, isOpen }) => isOpen && file in this.edits.texts);
    void this.#judge();
  }

  /** Takes away what this adapter cannot run; a failure is told by whatever is run next. */
  async #restrict(): Promise<void> {
    const known = await this.client.ask({ kind: 'candidates', room: this.room }).catch(() => undefined);
    if (known === undefined) return;
    const { variants, cases, workloads } = known;
    this.choices.restrict({
      variants: [...variants.f32, ...variants.f16],
      cases: [...cases.filter(({ skipped }) => skipped === undefined),
        ...workloads.filter(({ isForThisAdapter }) => isForThisAdapter)].map(({ name }) => name),
      types: variants.f16.length === 0 ? ['f32'] : ['f32', 'f16'],
    });
  }

  /** Says what the changes are worth; what is changed meanwhile is judged next. */
  async #judge(): Promise<void> {
    // whatever happens to the browser, what was typed is in the address
    const isKept = this.edits.keep(this.edits.size === 0 ? '' : await encode(this.#state));
    const panel = this.#changed;
    if (panel === undefined || !panel.isOpen || this.#isJudging) return;
    this.#isJudging = true;
    try {
      while (this.#changed !== undefined) {
        const current = this.#changed;
        this.#changed = undefined;
        if (this.edits.size === 0) current.say({ kind: 'pending', text: 'as it was written' });
        else this.#say(current, await this.#verdict(current), isKept);
      }
    } finally {
      this.#isJudging = false;
    }
  }

  async #verdict(panel: FilePanel): Promise<Verdict | Error> {
    panel.say({ kind: 'pending', text: 'compiling, checking …' });
    const ask = () =>
      this.client.ask({ kind: 'verdict', room: this.room, ...this.choices.chosen, edits: this.edits.texts });
    try {
      const verdict = await ask();
      if (verdict.kind !== 'unused' || verdict.elsewhere === undefined) return verdict;
      this.choices.set(verdict.elsewhere); // what is edited runs there
      return await ask();
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #say(panel: FilePanel, verdict: Verdict | Error, isKept: boolean): void {
    const outcome = outcomeOf(verdict);
    const place = verdict instanceof Error || verdict.kind !== 'compile' ? undefined : verdict.place;
    const target = place === undefined ? panel : this.#panels.get(place.file);
    (target?.isOpen === true ? target : panel).say(outcome);
    if (!isKept) {
      found('#shared').replaceChildren(
        element('p', { className: 'note' },
          'This browser keeps nothing for this page: copy the address to keep what you typed.'),
      );
    }
  }

  /** What the address of the page, or this tab, holds of changes: shown when a person wants it, never run before. */
  async offer(): Promise<void> {
    const hash = location.hash.slice(1);
    const isState = hash !== '' && document.getElementById(unescaped(hash)) === null;
    const code = isState ? hash : this.edits.kept;
    if (code === undefined) return;
    const place = found('#shared');
    try {
      const state = await decode(code, this.#known);
      const names = Object.keys(state.files);
      const isOwn = code === this.edits.kept;
      const show = element('button', { type: 'button', className: 'main' }, 'Show and check');
      const drop = element('button', { type: 'button' }, 'Leave it');
      const note = element('div', { className: 'note', role: 'region', 'aria-label': 'changed files' },
        element('p', {},
          `${isOwn ? 'You changed' : 'This address brings a changed'} ${names.join(', ')}${
            isOwn ? ' before this page was loaded anew' : ''
          }. Nothing of it runs before you say so.`), element('p', {}, show, ' ', drop));
      drop.onclick = () => {
        note.remove();
        this.edits.keep('');
      };
      show.onclick = () => {
        note.remove();
        void this.#show(state);
      };
      place.replaceChildren(note);
      if (isState) place.scrollIntoView({ block: 'center' });
    } catch (error) {
      place.replaceChildren(element('p', { className: 'note wrong', role: 'alert' }, sentenceOf(error)));
    }
  }

  async #show({ case: item, variant, dtype, files }: StudyState): Promise<void> {
    this.choices.set({ case: item, variant, type: dtype });
    for (const [file, text] of Object.entries(files)) {
      const panel = this.#panels.get(file);
      await panel?.open(text);
      this.edits.set(file, text);
      this.#changed = panel;
    }
    await this.#judge();
  }
}

/** An anchor as the page has it; what has rubbish for an escape is none. */
function unescaped(hash: string): string {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}

function outcomeOf(verdict: Verdict | Error): Outcome {
  if (verdict instanceof Error) return { kind: 'wrong', text: sentenceOf(verdict) };
  const [text, detail] = [verdictText(verdict), verdictDetail(verdict)];
  if (verdict.kind === 'compile') return { kind: 'wrong', text, detail, mark: verdict.place };
  return { kind: verdict.kind === 'right' ? 'right' : 'wrong', text, detail };
}
