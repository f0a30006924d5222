/** The linked programs of what is chosen, with where each line was written in the margin. */
import type { Direction, ListedProgram, Listing } from '../../kernels/programs.ts';
import { button, element, found } from '../pages/dom.ts';
import { sentenceOf } from '../pages/sentence.ts';
import { runsOf } from '../wgsl/coloured.ts';
import type { Study } from './study.ts';

export function programPanel(study: Study): void {
  const panel = found('#program .panel');
  const said = element('p', { className: 'hint', role: 'status' });
  const result = element('div');
  const buttons = (['forward', 'gradient'] as const).map((direction) =>
    button(direction === 'forward' ? 'Show the operation' : 'Show its gradient', () => void show(direction))
  );
  panel.append(element('p', {}, buttons[0], ' ', buttons[1]), said, result);

  async function show(direction: Direction): Promise<void> {
    for (const each of buttons) each.disabled = true;
    try {
      const { case: item, variant, type } = study.choices.chosen;
      const listing = await study.client.ask({ kind: 'program', room: study.room, direction, case: item, variant,
        type });
      said.textContent = `${item}, ${direction}, ${variant ?? 'as this adapter takes it'}, ${type}`;
      said.dataset.done = String(listing.programs.length);
      result.replaceChildren(...listed(listing));
    } catch (error) {
      said.textContent = sentenceOf(error);
    } finally {
      for (const each of buttons) each.disabled = false;
    }
  }
}

function listed({ steps, programs }: Listing): Node[] {
  return [element('ol', {}, ...steps.map((step) => element('li', {}, step))), ...programs.map(programFigure)];
}

function programFigure({ heading, lines }: ListedProgram): HTMLElement {
  const text = lines.map((line) => line.text).join('\n');
  const code = element('code');
  const margins = lines.map(({ file, line }) => `${file}:${line}`);
  const width = Math.max(...margins.map(({ length }) => length));
  let at = 0;
  const margin = () => element('span', { className: 'margin' }, `${margins[at++].padEnd(width)}  `);
  code.append(margin());
  for (const { className = '', text: part } of runsOf(text, 'program.wgsl')) {
    part.split('\n').forEach((piece, i) => {
      if (i > 0) code.append('\n', margin());
      if (piece !== '') code.append(className === '' ? piece : element('span', { className }, piece));
    });
  }
  const label = heading.split('\n')[0].replace(/^\/\/ | ─+$/g, '');
  return element('figure', { className: 'wgsl' }, element('figcaption', {}, element('b', {}, label)),
    element('pre', { className: 'file', tabIndex: 0, role: 'region', 'aria-label': label }, code),
    element('pre', { className: 'heading', tabIndex: 0, role: 'region', 'aria-label': `bindings of ${label}` },
      element('code', {}, heading.split('\n').slice(1).map((line) => line.replace(/^\/\/ {0,3}/, '')).join('\n'))));
}
