/** Names of parameters, as tables: ours, which are those of the official X-CLIP, beside those of another origin. */
import type { Shape } from '../../../engine/index.ts';
import { type Order, ownShape, storedShape } from './order.ts';

/**
 * A parameter, or all that differ in numbers `#` or in their ending `*`: our name, the other one, and how it is stored
 * there, if not as it is. `{a,b,c}` are several tensors there, which ours holds one after another.
 */
export type Row = readonly [ours: string, theirs: string, how?: How];

/** In another order; or so many extents of 1 stand before the shape. */
export type How = Exclude<Order, 'same'> | 1 | 2;

/** How one of our parameters is stored in a file. */
export interface Stored {
  /** Tensors of the file, concatenated along their first dimension. */
  readonly parts: readonly string[];
  readonly order: Order;
  /** Shape of each part in the file. */
  readonly partShape: Shape;
}

/** One of our parameters by a tensor of a file that it is made of. */
export interface Meant {
  readonly ours: string;
  readonly stored: Omit<Stored, 'partShape'>;
  /** Our shape, of the shape that the tensor has. */
  shape(partShape: Shape): Shape;
}

/** The names of one origin. */
export class Names {
  /** What they are, in words. */
  readonly title: string;
  readonly #rows: readonly { ours: Pattern; theirs: readonly Pattern[]; how: How | undefined }[];
  readonly #aside: RegExp;

  /** @param aside names of tensors that such files hold, and that no parameter of ours is made of */
  constructor(title: string, rows: readonly Row[], aside: RegExp) {
    this.title = title;
    this.#rows = rows.map(([ours, theirs, how]) => ({ ours: new Pattern(ours),
      theirs: alternatives(theirs).map((each) => new Pattern(each)), how })
    );
    this.#aside = aside;
  }

  /** Whether a row is about one of our parameters. */
  covers(ours: string): boolean {
    return this.#rows.some((row) => row.ours.match(ours) !== undefined);
  }

  /** Where one of our parameters lies in a file. What no row is about lies under its own name. */
  storedAs(ours: string, shape: Shape): Stored {
    for (const row of this.#rows) {
      const match = row.ours.match(ours);
      if (match === undefined) continue;
      const parts = row.theirs.map((each) => each.filled(match));
      const order = orderOf(row.how);
      if (order !== 'same') return { parts, order, partShape: storedShape(order, shape) };
      const [first, ...rest] = shape;
      const own = parts.length === 1 ? shape : [first / parts.length, ...rest];
      return { parts, order, partShape: typeof row.how === 'number' ? [...ones(row.how), ...own] : own };
    }
    return { parts: [ours], order: 'same', partShape: shape };
  }

  /** Which of our parameters a tensor of a file belongs to. What no row is about is a parameter of that name. */
  meant(theirs: string): Meant {
    for (const { ours, theirs: patterns, how } of this.#rows) {
      for (const pattern of patterns) {
        const match = pattern.match(theirs);
        if (match === undefined) continue;
        const parts = patterns.map((each) => each.filled(match));
        return { ours: ours.filled(match), stored: { parts, order: orderOf(how) }, shape: (partShape) => {
          if (orderOf(how) !== 'same') return ownShape(orderOf(how), partShape);
          const [first, ...rest] = typeof how === 'number' ? partShape.slice(how) : partShape;
          return parts.length === 1 ? (first === undefined ? [] : [first, ...rest]) : [parts.length * first, ...rest];
        } };
      }
    }
    return { ours: theirs, stored: { parts: [theirs], order: 'same' }, shape: (partShape) => partShape };
  }

  /** Whether a tensor is no parameter: buffers that old files carry, and heads for other classes. */
  isAside(theirs: string): boolean {
    return this.#aside.test(theirs);
  }
}

const orderOf = (how: How | undefined): Order => (typeof how === 'string' ? how : 'same');

const ones = (count: number): number[] => new Array<number>(count).fill(1);

/** `a.{q,k}_proj` → `a.q_proj`, `a.k_proj`. */
function alternatives(text: string): string[] {
  const [, before, inner, after] = /^(.*)\{(.*)\}(.*)$/.exec(text) ?? [];
  return inner === undefined ? [text] : inner.split(',').map((each) => `${before}${each}${after}`);
}

/** What a name has in the places of a pattern. */
interface Match {
  readonly numbers: readonly string[];
  readonly ending: string;
}

/** A name with places for numbers, `#`, and one for an ending, `*`. */
class Pattern {
  readonly #text: string;
  readonly #expression: RegExp;

  constructor(text: string) {
    this.#text = text;
    const escaped = text.replace(/[.\\+?^$(){}|[\]]/g, '\\$&');
    this.#expression = new RegExp(`^${escaped.replaceAll('#', '(\\d+)').replace('*', '(?<ending>.+)')}$`);
  }

  match(name: string): Match | undefined {
    const match = this.#expression.exec(name);
    if (match === null) return undefined;
    const { ending = '' } = match.groups ?? {};
    return { numbers: match.slice(1, 1 + this.#text.split('#').length - 1), ending };
  }

  filled({ numbers, ending }: Match): string {
    const [first, ...others] = this.#text.split('#');
    return others.reduce((text, part, i) => text + numbers[i] + part, first).replace('*', () => ending);
  }
}
