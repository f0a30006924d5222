/**
 * The editor of a study page: CodeMirror 6 with the colours of the page, which come by class from its style. It has
 * what a kernel needs and no more; the page loads it on the first edit.
 *
 * Colours and frames are taken from CSS variables of the page, so that it is dark where the page is:
 * `--text --background --faint --line --accent --bad`.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { EditorState, type Extension, type Range, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers,
  ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view';
import { runsOf } from '../wgsl/coloured.ts';

/** After this much without a key, what was typed is looked at. */
const PAUSE_MS = 400;

export interface EditorOptions {
  readonly text: string;
  /** Names the editor for those who do not see it; its ending chooses the colours. */
  readonly file: string;
  /** Called with the whole text when typing has stopped. */
  onPause(text: string): void;
}

/** An editor on a page. */
export interface Editor {
  /** Shows an error at a line, and at a column of it, both from 1, until the next change of the text. */
  mark(line: number, column: number, message: string): void;
  clearMark(): void;
  focus(): void;
  /** Takes it off the page. A pause that has not come does not come any more. */
  destroy(): void;
}

/** Puts an editor into an element. */
export function editor(parent: HTMLElement, { text, file, onPause }: EditorOptions): Editor {
  let pause: ReturnType<typeof setTimeout> | undefined;
  const watch = EditorView.updateListener.of(({ docChanged, state }) => {
    if (!docChanged) return;
    clearTimeout(pause);
    pause = setTimeout(() => onPause(state.doc.toString()), PAUSE_MS);
  });
  const view = new EditorView({ parent, doc: text, extensions: [...extensionsOf(file), watch] });
  return {
    mark: (line, column, message) => view.dispatch({ effects: setMark.of({ line, column, message }) }),
    clearMark: () => view.dispatch({ effects: setMark.of(undefined) }),
    focus: () => view.focus(),
    destroy() {
      clearTimeout(pause);
      view.destroy();
    },
  };
}

/** All that an editor of a file is made of, but what calls back. */
export function extensionsOf(file: string): Extension[] {
  return [lineNumbers(), history(), drawSelection(), highlightActiveLine(), highlightSelectionMatches(),
    search({ top: true }), markField, colours(file), EditorState.tabSize.of(2), LOOK,
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': `${file}, editable text`,
      'aria-description': 'Tab indents. Press Escape, then Tab, to leave the editor.' })];
}

/** Colours of the whole file: a comment over many lines may begin anywhere, and a kernel is short. */
function colours(file: string): Extension {
  return ViewPlugin.define((view) => {
    let decorations = decorationsOf(view.state.doc.toString(), file);
    return {
      get decorations() {
        return decorations;
      },
      update({ docChanged, state }: ViewUpdate) {
        if (docChanged) decorations = decorationsOf(state.doc.toString(), file);
      },
    };
  }, { decorations: (plugin) => plugin.decorations });
}

/** The colours of a text, as marks. */
export function decorationsOf(text: string, file: string): DecorationSet {
  const marks: Range<Decoration>[] = [];
  let at = 0;
  for (const { className, text: { length } } of runsOf(text, file)) {
    if (className !== undefined) marks.push(Decoration.mark({ class: className }).range(at, at + length));
    at += length;
  }
  return Decoration.set(marks);
}

interface Mark {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Shows a mark, or takes it away. */
export const setMark = StateEffect.define<Mark | undefined>();

/** What is marked. A change of the text takes it away: it was said of another one. */
export const markField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, { docChanged, effects, state }) {
    const last = effects.findLast((effect) => effect.is(setMark));
    if (last?.is(setMark)) return last.value === undefined ? Decoration.none : marksOf(state, last.value);
    return docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The line, the word at the column, and the message under the line. */
function marksOf({ doc }: EditorState, { line, column, message }: Mark): DecorationSet {
  const { from, to, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const at = Math.min(Math.max(column - 1, 0), text.length);
  const length = /^\w+/.exec(text.slice(at))?.[0].length ?? 1;
  const end = Math.min(from + at + length, to);
  const word = from + at < end ? [Decoration.mark({ class: 'wrong-place' }).range(from + at, end)] : [];
  return Decoration.set([Decoration.line({ class: 'wrong-line' }).range(from), ...word,
    Decoration.widget({ widget: new Message(message), block: true, side: 1 }).range(to)]);
}

class Message extends WidgetType {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override eq(other: Message): boolean {
    return other.#text === this.#text;
  }

  toDOM(): HTMLElement {
    const element = document.createElement('div');
    element.className = 'wrong-message';
    element.setAttribute('role', 'alert');
    element.textContent = this.#text;
    return element;
  }
}

const LOOK = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--background)', border: '1px solid var(--line)' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': { fontFamily: 'ui-monospace, Menlo, Consolas, monospace', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { color: 'var(--faint)', backgroundColor: 'var(--background)', borderRight: '1px solid var(--line)' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--accent) 8%, transparent)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 30%, transparent)',
  },
  '.cm-selectionMatch': { backgroundColor: 'color-mix(in srgb, var(--accent) 20%, transparent)' },
  '.cm-panels': { color: 'var(--text)', backgroundColor: 'var(--background)', borderColor: 'var(--line)' },
  '.wrong-line': { backgroundColor: 'color-mix(in srgb, var(--bad) 12%, transparent)' },
  '.wrong-place': { textDecoration: 'underline wavy var(--bad)' },
  '.wrong-message': { color: 'var(--bad)', padding: '0 6px', whiteSpace: 'pre-wrap' },
});
