import * as Plot from '@observablehq/plot';
import { FRAME, svg } from './charts.ts';
import { type ClassRow, type Pair, shareRight } from './classes.ts';

/** Steps of a curve over classes; more cannot be seen. */
const MOST_STEPS = 400;

/** Accuracy of every class, from the worst to the best. */
export function accuracyChart(rows: readonly ClassRow[]): string {
  const shares = rows.flatMap((row) => shareRight(row) ?? []).sort((a, b) => a - b);
  const every = Math.ceil(shares.length / MOST_STEPS);
  const points = shares.flatMap((share, i) => (i % every === 0 ? [[i, 100 * share] as const] : []));
  const last = points.at(-1) ?? [0, 0];
  return svg(`Accuracy of ${shares.length} classes, from the worst to the best`, {
    ...FRAME,
    height: 302,
    x: { label: 'classes, from the worst to the best', labelAnchor: 'center', labelArrow: 'none', labelOffset: 38,
      ticks: 6, domain: [0, shares.length] },
    y: { label: 'right, %', grid: true, ticks: 5, domain: [0, 100] },
    marks: [
      Plot.areaY([...points, [shares.length, last[1]]], { x: '0', y: '1', fill: 'var(--right)', fillOpacity: 0.25,
        curve: 'step-after' }),
      Plot.lineY([...points, [shares.length, last[1]]], { x: '0', y: '1', stroke: 'var(--right)', strokeWidth: 1.5,
        curve: 'step-after' }),
    ],
  });
}

/** Side of a matrix of any number of classes, in its own units. */
const SIDE = 480;
/** Side of a dot in those units: smaller ones would not be seen. */
const LEAST_DOT = 3.5;
/** Least share of its row that a dot stands for, by opacity. */
const LEVELS = [{ from: 0.25, opacity: 0.95 }, { from: 0.1, opacity: 0.6 }, { from: 0.04, opacity: 0.32 }, { from: 0,
  opacity: 0.14 }] as const;

/**
 * A matrix of hundreds of classes in a handful of paths, one for each strength and kind, whatever the number of pairs.
 *
 * @param order classes in the order of rows and columns
 */
export function matrixPicture(order: readonly number[], pairs: readonly Pair[], rows: readonly ClassRow[]): string {
  const place = new Map(order.map((id, i) => [id, i]));
  const unit = SIDE / order.length;
  const centre = (i: number) => Number(((i + 0.5) * unit).toFixed(1));
  const paths = new Map<string, string[]>();
  for (const { truth, guess, clips } of pairs) {
    const [row, column] = [place.get(truth), place.get(guess)];
    if (row === undefined || column === undefined) continue;
    const { opacity } = LEVELS.find(({ from }) => clips / rows[truth].clips >= from) as (typeof LEVELS)[number];
    const key = `stroke="var(--${truth === guess ? 'right' : 'wrong'})" stroke-opacity="${opacity}"`;
    const dots = paths.get(key) ?? [];
    dots.push(`M${centre(column)} ${centre(row)}h0`); // a line without length has the shape of its cap
    paths.set(key, dots);
  }
  const dot = Math.max(LEAST_DOT, 0.8 * unit).toFixed(2);
  const drawn = [...paths].sort().map(([key, dots]) => `<path ${key} d="${dots.join('')}"/>`).join('');
  return `<svg role="img" viewBox="-4 -4 ${SIDE + 8} ${
    SIDE + 8
  }" aria-label="Confusion matrix over ${order.length} classes"><rect x="-3" y="-3" width="${SIDE + 6}" height="${
    SIDE + 6
  }" rx="4" fill="none" stroke="var(--line)"/><g fill="none" stroke-linecap="square" stroke-width="${dot}">${drawn}</g></svg>`;
}
