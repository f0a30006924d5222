import { shown } from '../../engine/shown.ts';

/** Text that is already HTML. Everything else is escaped where it enters a template. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;',
  "'": '&#39;' };

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map((each) => each.text).join('');
  return String(part).replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** A template whose values are escaped, unless they are Html: a label like `<b>` stays a label. */
export function html(literals: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(literals.map((literal, i) => literal + (i < parts.length ? textOf(parts[i]) : '')).join(''));
}

/** A name from outside: harmless, cut if it is long, and by itself, whatever the direction of its writing. */
export const name = (text: string) => html`<bdi>${shown(text)}</bdi>`;

/** "50 %", never broken over two lines. */
export const percent = (share: number, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;
