/** The ladder of a room, measured on this adapter: asked for, followed, ended, and taken away as a file. */
import type { FloatType } from '../../engine/index.ts';
import { button, element, found } from '../pages/dom.ts';
import { late } from '../pages/late.ts';
import { sentenceOf } from '../pages/sentence.ts';
import type { Ladder } from '../worker/ladder.ts';
import type { Built } from './ladder_text.ts';
import type { Study } from './study.ts';

const ALL = 'all that are for this adapter';

export function ladderPanel(study: Study): void {
  const panel = found('#ladder .panel');
  const sizes = element('select', {}, element('option', { value: '' }, ALL),
    ...workloadNames().map((name) => element('option', {}, name)));
  const bar = element('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'sizes that were measured' });
  const said = element('p', { className: 'hint', role: 'status' });
  const result = element('div');
  const start = button('Measure', () => void run(), true);
  const stop = button('Stop', () => end());
  stop.hidden = true;
  panel.append(
    element('p', { className: 'line' }, element('label', {}, 'size ', sizes), ' ', start, ' ', stop, ' ', bar),
    said,
    result,
  );

  async function run(): Promise<void> {
    start.disabled = true;
    stop.hidden = bar.hidden = false;
    stop.disabled = false;
    bar.value = 0;
    delete said.dataset.done;
    said.textContent = 'measuring the roofs …';
    // the table and the picture are loaded while the GPU is at work
    const view = late(() => import('./ladder_view.ts'));
    view.catch(() => undefined); // told where it is awaited
    const types: readonly FloatType[] = [study.choices.chosen.type];
    try {
      const made = await study.client.ask({ kind: 'ladder', room: study.room, types,
        ...(sizes.value !== '' && { workloads: [sizes.value] }) }, (progress) => {
        if (progress.kind !== 'turn') return;
        bar.value = progress.done / progress.of;
        said.textContent = `${progress.done + 1} of ${progress.of}: ${progress.workload}, ${progress.variant}`;
      });
      const { showLadder } = await view;
      showLadder(result, made, { room: study.room, built: builtOf(found('#study')) });
      tell(made);
    } catch (error) {
      said.textContent = sentenceOf(error);
    } finally {
      start.disabled = false;
      stop.hidden = bar.hidden = true;
    }
  }

  /** After the turn that is under way; nothing that was measured is lost. */
  function end(): void {
    stop.disabled = true;
    study.client.ask({ kind: 'endLadder' }).catch(() => undefined); // the ladder itself tells of a failure
  }

  function tell({ isWhole, rows, environment, clock }: Ladder): void {
    said.textContent = rows.length === 0
      ? 'Stopped before anything was measured.'
      : `${isWhole ? 'Measured' : 'Stopped; measured so far'} on ${environment.adapter}, by ${clock}.`;
    said.dataset.done = String(rows.length);
  }
}

function builtOf({ dataset: { version = 'unknown', commit = 'unknown' } }: HTMLElement): Built {
  return { version, commit };
}

/** Of the form on top of the page. */
function workloadNames(): string[] {
  const options = found('#choices').querySelectorAll<HTMLOptionElement>('optgroup:last-of-type option');
  return [...options].map(({ value }) => value);
}
