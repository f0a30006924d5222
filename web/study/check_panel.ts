/** Every case of a room on this adapter, against float64. */
import type { Comparison } from '../../kernels/checking/comparison.ts';
import { button, element, found, table } from '../pages/dom.ts';
import { sentenceOf } from '../pages/sentence.ts';
import type { CheckReport, RunRow } from '../worker/protocol.ts';
import type { Study } from './study.ts';

/** Four digits that count. */
const digits = (value: number) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value));
const counted = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The error of the worst element, as a share of what is allowed there. */
function shareOf({ worst: { error, allowed } }: Comparison): number {
  return error === 0 ? 0 : error / allowed;
}

/** What is said of a comparison: worst element, tolerance, why. */
export function comparisonText(
  { what, worst: { index, got, want, error, allowed }, tolerance: { why } }: Comparison,
): string {
  return `${what}: worst is element ${index}, ${digits(got)} where float64 has ${digits(want)}; off by ${
    digits(error)
  } of ${digits(allowed)} allowed: ${why}`;
}

/** How a case ran. */
export const runName = ({ candidate, storage }: RunRow) => `${candidate ?? 'no candidate'}, ${storage}`;

export function checkPanel(study: Study): void {
  const panel = found('#check .panel');
  const bar = element('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'cases that were checked' });
  const said = element('p', { className: 'hint', role: 'status' });
  const result = element('div');
  const start = button('Check all cases', () => void run(), true);
  const stop = button('Stop', () => study.client.stop());
  stop.hidden = true;
  panel.append(element('p', {}, start, ' ', stop, ' ', bar), said, result);

  async function run(): Promise<void> {
    start.disabled = true;
    stop.hidden = bar.hidden = false;
    result.replaceChildren();
    let failures = 0;
    try {
      const report = await study.client.ask({ kind: 'check', room: study.room, edits: study.edits.texts },
        (progress) => {
          if (progress.kind === 'case') {
            bar.value = progress.done / progress.of;
            said.textContent = `${progress.done + 1} of ${progress.of}: ${progress.case}`;
          } else if (progress.kind === 'run' && !progress.run.isRight) failures++;
          if (failures > 0) said.textContent += `; ${counted(failures, 'run')} failed so far`;
        });
      show(report);
    } catch (error) {
      said.textContent = sentenceOf(error);
    } finally {
      start.disabled = false;
      stop.hidden = bar.hidden = true;
    }
  }

  function show({ adapter, runs, skipped, cases }: CheckReport): void {
    const wrong = runs.filter(({ isRight }) => !isRight);
    said.replaceChildren(
      element('b', { className: wrong.length === 0 ? 'met' : 'missed' },
        wrong.length === 0 ? 'All right' : `${counted(wrong.length, 'run')} wrong`),
      `: ${counted(cases, 'case')}, ${counted(runs.length, 'run')} on ${adapter}${
        study.edits.size === 0 ? '' : ', with your changes'
      }${skipped.length === 0 ? '' : `; ${skipped.length} left out`}`,
    );
    said.dataset.done = String(runs.length);
    const names = [...new Set(runs.map((run) => run.case))];
    result.replaceChildren(
      table('cases', ['case', 'runs', 'worst, of what is allowed', 'where'],
        names.map((name) => caseRow(name, runs.filter((run) => run.case === name)))),
      ...skipped.map((each) => element('p', { className: 'hint' }, `left out: ${each.case}: ${each.reason}`)),
    );
  }
}

/** A line of the table: the worst run stands for all, which can be unfolded. */
function caseRow(name: string, runs: readonly RunRow[]): (Node | string)[] {
  const wrong = runs.filter(({ isRight }) => !isRight);
  const all = runs.flatMap((run) => run.comparisons.map((comparison) => ({ run, comparison })));
  const worst = all.sort((a, b) => shareOf(b.comparison) - shareOf(a.comparison))[0];
  const lines = runs.map((run) =>
    element('li', { className: run.isRight ? '' : 'missed' },
      `${runName(run)}: ${
        run.error === undefined ? run.comparisons.map(comparisonText).join(' · ') : sentenceOf(run.error)
      }`)
  );
  const details = element('details', {}, element('summary', {}, worst === undefined
    ? 'no result'
    : `${worst.comparison.what} of ${runName(worst.run)}`), element('ul', {}, ...lines));
  return [name,
    element('span', { className: wrong.length === 0 ? 'met' : 'missed' },
      wrong.length === 0 ? `${runs.length} right` : `${wrong.length} of ${runs.length} wrong`),
    worst === undefined ? '' : `${digits(100 * shareOf(worst.comparison))} %`, details];
}
