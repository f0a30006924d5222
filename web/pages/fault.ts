/** Shows what went wrong on a page, with a way to try again that needs no reload. */
import { button, element } from './dom.ts';
import { codeOf, sentenceOf } from './sentence.ts';

/** @param again tries once more */
export function faultNote(error: unknown, again: () => void): HTMLElement {
  return element('div', { className: 'note wrong', role: 'alert', 'data-fault': codeOf(error) },
    element('p', {}, sentenceOf(error)), button('Try again', again));
}
