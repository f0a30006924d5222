/** Text that a person takes from a page: copied, or as a file. */
import { button, element } from './dom.ts';

/**
 * A button that copies. Where the browser does not let a page copy, the text itself is shown, ready to be copied.
 *
 * @param name of the button
 * @param label names the text for those who do not see it
 */
export function copyButton(name: string, label: string, text: () => string): HTMLElement {
  const said = element('span', { className: 'hint', role: 'status' });
  const all = element('span', { className: 'take' }, button(name, () => void copy()), ' ', said);

  async function copy(): Promise<void> {
    all.querySelector('textarea')?.remove();
    try {
      await navigator.clipboard.writeText(text());
      said.textContent = 'copied';
    } catch {
      const area = element('textarea', { className: 'json', readOnly: true, value: text(), rows: 8,
        'aria-label': label });
      all.append(area);
      area.focus();
      area.select();
      said.textContent = 'the browser does not let this page copy: press Ctrl-C';
    }
  }

  return all;
}

/** A button that saves JSON as a file. */
export function downloadButton(file: string, text: () => string): HTMLElement {
  return button('Download', () => saveFile(file, new Blob([text()], { type: 'application/json' })));
}

/** Saves a file where the browser keeps what a person takes along. */
export function saveFile(name: string, content: Blob): void {
  const href = URL.createObjectURL(content);
  element('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
