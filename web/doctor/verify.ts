/** Every case of every room on this adapter, room by room; it can be stopped and gone on with. */
import { button, element, found } from '../pages/dom.ts';
import { codeOf, sentenceOf } from '../pages/sentence.ts';
import { comparisonText, runName } from '../study/check_panel.ts';
import type { Client } from '../worker/client.ts';
import type { CheckReport, RunRow } from '../worker/protocol.ts';
import type { Findings } from './findings.ts';

/** What came of a room, for the report. */
interface Verified {
  readonly runs: number;
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

export function verifyPanel(client: Client, findings: Findings): void {
  const rows = new Map(
    [...document.querySelectorAll<HTMLElement>('#verify tr[data-room]')].map((row) => [row.dataset.room ?? '', row]),
  );
  const done: Record<string, Verified> = {};
  const bar = element('progress', { max: rows.size, value: 0, hidden: true, 'aria-label': 'rooms that were verified' });
  const said = element('p', { className: 'hint', role: 'status' });
  const start = button('Verify this adapter', () => void run(), true);
  const stop = button('Stop', () => client.stop());
  stop.hidden = true;
  found('#verify .panel').append(element('p', {}, start, ' ', stop, ' ', bar), said);
  findings.keep('verified', done);

  async function run(): Promise<void> {
    if (Object.keys(done).length === rows.size) clear();
    start.disabled = true;
    stop.hidden = bar.hidden = false;
    const isStopped = await verifyRest();
    start.disabled = false;
    stop.hidden = bar.hidden = true;
    start.textContent = isStopped ? 'Go on' : 'Verify again';
    said.replaceChildren(...conclusion(isStopped));
  }

  function clear(): void {
    for (const [room, row] of rows) {
      delete done[room];
      delete row.dataset.verified;
      show(row, '–', '–');
    }
  }

  /** Goes through what is not done yet. Returns whether somebody stopped it. */
  async function verifyRest(): Promise<boolean> {
    for (const [room, row] of rows) {
      if (done[room] !== undefined) continue;
      try {
        done[room] = await verify(room, row);
      } catch (error) {
        if (codeOf(error) === 'FL_STOPPED') {
          show(row, '–', '–');
          return true;
        }
        done[room] = { runs: 0, skipped: [], failures: [sentenceOf(error)] }; // the next room gets a worker of its own
      }
      const { runs, failures } = done[room];
      show(row, String(runs), resultOf(done[room]));
      row.dataset.verified = String(failures.length === 0);
    }
    return false;
  }

  async function verify(room: string, row: HTMLElement): Promise<Verified> {
    let runs = 0;
    const before = Object.keys(done).length;
    const report = await client.ask({ kind: 'check', room }, (progress) => {
      if (progress.kind === 'case') {
        bar.value = before + progress.done / progress.of;
        said.textContent = `${room}: ${progress.done + 1} of ${progress.of}: ${progress.case}`;
      } else if (progress.kind === 'run') {
        runs++;
        show(row, String(runs), 'running');
      }
    });
    return verifiedOf(report);
  }

  function conclusion(isStopped: boolean): (Node | string)[] {
    const all = Object.values(done);
    const [runs, failures] = [all.reduce((sum, each) => sum + each.runs, 0),
      all.flatMap((each) => each.failures).length];
    const verdict = failures === 0
      ? element('b', { className: 'met' }, isStopped ? 'Right so far' : 'All right')
      : element('b', { className: 'missed' }, `${failures} wrong`);
    return [verdict,
      `: ${runs.toLocaleString('en-US')} runs of ${all.length} of ${rows.size} rooms against float64${
        isStopped ? ', then stopped' : ''
      }.`];
  }
}

function verifiedOf({ runs, skipped }: CheckReport): Verified {
  return { runs: runs.length, skipped: skipped.map(({ case: name, reason }) => `${name}: ${reason}`),
    failures: runs.filter(({ isRight }) => !isRight).map(failureText) };
}

function failureText(run: RunRow): string {
  const why = run.error === undefined
    ? run.comparisons.filter(({ isRight }) => !isRight).map(comparisonText).join('; ')
    : sentenceOf(run.error);
  return `${run.case}: ${runName(run)}: ${why}`;
}

function resultOf({ failures, skipped }: Verified): Node {
  const left = skipped.length === 0 ? '' : `, ${skipped.length} left out`;
  if (failures.length === 0) return element('span', { className: 'met' }, `✓ right${left}`);
  return element('details', {}, element('summary', { className: 'missed' }, `✗ ${failures.length} wrong${left}`),
    element('ul', {}, ...failures.map((failure) => element('li', {}, failure))));
}

function show(row: HTMLElement, runs: string, result: Node | string): void {
  found('[data-runs]', row).textContent = runs;
  found('[data-result]', row).replaceChildren(result);
}
