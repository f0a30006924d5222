/** One WGSL file of a study page: read, edited, judged. */
import { button, element, found } from '../pages/dom.ts';
import { late } from '../pages/late.ts';
import { sentenceOf } from '../pages/sentence.ts';
import { copyButton } from '../pages/take_away.ts';
import type { Editor } from './editor.ts';

/** What is said of a change: `kind` says how it is shown. */
export interface Outcome {
  readonly kind: 'pending' | 'right' | 'wrong';
  readonly text: string;
  /** What stands behind it. */
  readonly detail?: string;
  /** Where the text of this file is to be marked. */
  readonly mark?: { readonly line: number; readonly column: number };
}

export class FilePanel {
  /** As errors name it: `gelu/gelu.wgsl`. */
  readonly file: string;
  /** As it was written. */
  readonly original: string;
  readonly #figure: HTMLElement;
  readonly #pre: HTMLElement;
  readonly #onEdit: (panel: FilePanel, text: string) => void;
  readonly #edit: HTMLButtonElement;
  readonly #undo: HTMLButtonElement;
  readonly #link = copyButton('Copy link', 'address of this page with what you changed', () => location.href);
  readonly #outcome = element('p', { className: 'outcome', role: 'status' });
  #editor: Editor | undefined;

  /** @param onEdit is given the text on every pause in typing, and when a change is taken back */
  constructor(figure: HTMLElement, onEdit: (panel: FilePanel, text: string) => void) {
    this.#figure = figure;
    this.file = figure.dataset.file ?? '';
    this.#pre = found('pre', figure);
    this.original = this.#pre.textContent ?? '';
    this.#onEdit = onEdit;
    this.#edit = button('Edit', () => void this.open(this.original));
    this.#edit.setAttribute('aria-label', `Edit ${this.file}`);
    this.#undo = button('Take back', () => this.close());
    this.#undo.setAttribute('aria-label', `Take back all changes of ${this.file}`);
    found('.tools', figure).append(this.#edit);
  }

  get isOpen(): boolean {
    return this.#editor !== undefined;
  }

  /** Puts an editor in the place of the text. It is loaded when the first one is opened. */
  async open(text: string): Promise<void> {
    if (this.#editor !== undefined) return;
    this.#edit.disabled = true;
    found('figcaption', this.#figure).after(this.#outcome);
    try {
      const { editor } = await late(() => import('./editor.ts'));
      const host = element('div', { className: 'editor' });
      this.#pre.replaceWith(host);
      this.#editor = editor(host, { file: this.file, text, onPause: (changed) => this.#onEdit(this, changed) });
      this.#edit.replaceWith(this.#undo);
      this.#undo.before(this.#link);
      this.say({ kind: 'pending', text: 'Type; what you change is compiled, checked and timed on a pause.' });
      this.#editor.focus();
    } catch (error) {
      this.say({ kind: 'wrong', text: sentenceOf(error) });
    } finally {
      this.#edit.disabled = false;
    }
  }

  /** The text as it was written, in the place of the editor. */
  close(): void {
    if (this.#editor === undefined) return;
    found('.editor', this.#figure).replaceWith(this.#pre);
    this.#editor.destroy();
    this.#editor = undefined;
    this.#outcome.remove();
    this.#link.remove();
    this.#undo.replaceWith(this.#edit);
    this.#edit.focus();
    this.#onEdit(this, this.original);
  }

  say({ kind, text, detail = '', mark }: Outcome): void {
    this.#outcome.className = `outcome ${kind}`;
    const [head, ...rest] = text.split('; ');
    this.#outcome.replaceChildren(element('b', {}, head), rest.length === 0 ? '' : `; ${rest.join('; ')}`,
      detail === '' ? '' : element('small', {}, detail));
    if (mark === undefined) this.#editor?.clearMark();
    else this.#editor?.mark(mark.line, mark.column, text);
  }
}
