import { Html, html } from './html.ts';

/**
 * What is wider or longer than its place, and scrolls there by itself: with keys too.
 *
 * @param name what it is, for who hears the page; of its own on a page
 */
export function scrolling(name: string, content: Html, { isTall = false } = {}): Html {
  return html`<div class="scroll${
    isTall ? ' tall' : ''
  }" tabindex="0" role="region" aria-label="${name}">${content}</div>`;
}
