/**
 * The texts that a person changed on a study page. Before any of them runs they stand in the address and in the
 * session's storage: a browser that a kernel takes along loses nothing that was typed.
 */

/** Where a tab keeps what was typed, if its browser lets it. */
const keyOf = (room: string) => `firstlight edits of ${room}`;

export class Edits {
  readonly #room: string;
  readonly #texts = new Map<string, string>();

  constructor(room: string) {
    this.#room = room;
  }

  /** A text by its file; undefined takes the change back. */
  set(file: string, text: string | undefined): void {
    if (text === undefined) this.#texts.delete(file);
    else this.#texts.set(file, text);
  }

  get texts(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#texts);
  }

  get size(): number {
    return this.#texts.size;
  }

  /**
   * Writes the state of the page into its address and keeps it for this tab.
   *
   * @param code of address.ts; empty where nothing is changed
   * @returns false where the browser does not keep it, as in private windows and when its quota is full
   */
  keep(code: string): boolean {
    history.replaceState(null, '', code === '' ? location.pathname : `#${code}`);
    try {
      if (code === '') sessionStorage.removeItem(keyOf(this.#room));
      else sessionStorage.setItem(keyOf(this.#room), code);
      return true;
    } catch {
      return false;
    }
  }

  /** What this tab kept of an earlier load of the page. */
  get kept(): string | undefined {
    try {
      return sessionStorage.getItem(keyOf(this.#room)) ?? undefined;
    } catch {
      return undefined;
    }
  }
}
