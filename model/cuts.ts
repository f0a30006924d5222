/** Texts at which others are cut: the tokens that were added to a vocabulary. */
export class Cuts {
  readonly #texts: ReadonlySet<string>;
  /** By the letter that they begin with: how long they are, the longest first. */
  readonly #lengths = new Map<string, number[]>();

  constructor(texts: readonly string[]) {
    this.#texts = new Set(texts);
    for (const { 0: letter, length } of [...this.#texts].sort((a, b) => b.length - a.length)) {
      const lengths = this.#lengths.get(letter);
      if (lengths === undefined) this.#lengths.set(letter, [length]);
      else if (lengths.at(-1) !== length) lengths.push(length);
    }
  }

  /** A text in pieces: what fits, the longest first, at odd places, and at even ones what lies between. */
  cut(text: string): string[] {
    const pieces: string[] = [];
    let from = 0;
    for (let at = 0; at < text.length;) {
      const length = this.#lengths.get(text[at])?.find((length) => this.#texts.has(text.slice(at, at + length)));
      if (length === undefined) at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1; // no half of a character
      else {
        pieces.push(text.slice(from, at), text.slice(at, at + length));
        from = at += length;
      }
    }
    return [...pieces, text.slice(from)];
  }

  /** Whether a piece at this place is one of the texts. */
  static isCut(place: number): boolean {
    return place % 2 === 1;
  }
}
