/** What a bug report needs, as JSON: nothing of it leaves the page by itself. */
import { button, element, found } from '../pages/dom.ts';
import { sentenceOf } from '../pages/sentence.ts';
import type { Findings } from './findings.ts';

export function reportPanel(findings: Findings): void {
  const said = element('p', { className: 'hint', role: 'status' });
  const text = element('pre', { className: 'file', tabIndex: 0, role: 'group', 'aria-label': 'report as JSON' });
  const shown = element('details', { ontoggle: () => (text.textContent = findings.json) },
    element('summary', {}, 'Look at it'), text);
  found('#report .panel').append(
    element('p', {}, button('Copy', () => void copy()), ' ', button('Download', download)),
    said,
    shown,
  );

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(findings.json);
      said.textContent = 'Copied.';
    } catch (error) {
      text.textContent = findings.json;
      shown.open = true; // what cannot be copied by a button can be by hand
      said.textContent = sentenceOf(error);
    }
  }

  function download(): void {
    const address = URL.createObjectURL(new Blob([findings.json], { type: 'application/json' }));
    element('a', { href: address, download: 'firstlight-doctor.json' }).click();
    URL.revokeObjectURL(address);
  }
}
