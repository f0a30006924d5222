/** Elements of a page, made in one call. */

/** Properties of an element, and attributes whose names have a `-` in them. */
type Properties<K extends keyof HTMLElementTagNameMap> =
  & Partial<Omit<HTMLElementTagNameMap[K], 'style' | 'children'>>
  & Readonly<Record<`${string}-${string}`, string>>;

/** An element with its properties and what is in it. Texts are texts: nothing of them becomes markup. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Properties<K> = {},
  ...children: readonly (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-')) made.setAttribute(name, String(value));
    else Object.assign(made, { [name]: value });
  }
  made.append(...children);
  return made;
}

/** The element that a page must have. @throws Error naming the selector */
export function found<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const element = within.querySelector<T>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}

export function button(text: string, onclick: () => void, isMain = false): HTMLButtonElement {
  return element('button', { type: 'button', className: isMain ? 'main' : '', onclick }, text);
}

/** A table that scrolls by itself where it is wide, by keys as well. */
export function table(label: string, head: readonly string[],
  rows: readonly (readonly (Node | string)[])[]): HTMLElement {
  const line = (cells: readonly (Node | string)[], tag: 'td' | 'th') =>
    element('tr', {}, ...cells.map((cell) => element(tag, tag === 'th' ? { scope: 'col' } : {}, cell)));
  return element('div', { className: 'wide', tabIndex: 0, role: 'group', 'aria-label': `table: ${label}` },
    element('table', {}, element('thead', {}, line(head, 'th')),
      element('tbody', {}, ...rows.map((row) => line(row, 'td')))));
}
