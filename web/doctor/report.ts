/** What a bug report needs, as JSON: nothing of it leaves the page by itself. */
import { element, found } from '../pages/dom.ts';
import { copyButton, downloadButton } from '../pages/take_away.ts';
import type { Findings } from './findings.ts';

export function reportPanel(findings: Findings): void {
  const text = element('pre', { className: 'file', tabIndex: 0, role: 'group', 'aria-label': 'report as JSON' });
  const shown = element('details', { ontoggle: () => (text.textContent = findings.json) },
    element('summary', {}, 'Look at it'), text);
  const json = () => findings.json;
  found('#report .panel').append(
    element('p', {}, copyButton('Copy', 'report as JSON', json), ' ', downloadButton('firstlight-doctor.json', json)),
    shown,
  );
}
