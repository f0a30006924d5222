import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { bestOf, type Validation } from '../checkpoint/validation.ts';
import type { Confusion, Curve, Stage } from './data.ts';
import { asPicture } from './picture.ts';

/** Points that a curve is drawn with; more cannot be seen at this width and only make the file large. */
const MOST_POINTS = 240;

/** Width in CSS pixels: two stand side by side on a desk, and one shrinks little on a phone. */
const WIDTH = 480;

/** Room around a curve, and for the name of its axis below the numbers. */
export const FRAME = { marginTop: 30, marginLeft: 44, marginBottom: 42 } as const;
const STEPS = { label: 'step', ticks: 6, labelOffset: 38 } as const;

type Point = readonly [number, number];

/** A chart as SVG text. Colours are the page's custom properties, so that it follows light and dark mode. */
export function svg(label: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<html></html>');
  const figure = Plot.plot({
    width: WIDTH,
    document: document as unknown as Document,
    style: { background: 'transparent', color: 'inherit', fontFamily: 'inherit', fontSize: '12px',
      overflow: 'visible' },
    ...options,
  });
  return asPicture(figure, label).outerHTML;
}

/** The colour of the n-th system of a stage. */
export const seriesColour = (n: number) => `var(--series-${(n % 3) + 1})`;

/** Means of equal runs of neighbours: what is drawn faintly behind the smooth curve. */
function thinned(points: readonly Point[]): Point[] {
  const run = Math.ceil(points.length / MOST_POINTS);
  const bins = Array.from({ length: Math.ceil(points.length / run) },
    (_, bin) => points.slice(bin * run, (bin + 1) * run));
  const mean = (bin: readonly Point[], axis: 0 | 1) => bin.reduce((sum, point) => sum + point[axis], 0) / bin.length;
  return bins.map((bin) => [mean(bin, 0), mean(bin, 1)]);
}

/** Mean over neighbours on both sides, which does not lag behind as a running mean does; fewer where the curve ends. */
function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.floor(points.length / 40);
  return points.map(([step], i) => {
    const side = Math.min(reach, i, points.length - 1 - i);
    const near = points.slice(i - side, i + side + 1);
    return [step, near.reduce((sum, [, value]) => sum + value, 0) / near.length];
  });
}

const finite = (points: readonly Point[]) => points.filter(([, value]) => Number.isFinite(value));
const at = (axis: 0 | 1) => (point: Point) => point[axis];
const withValues = (curves: readonly Curve[], quantity: 'loss' | 'lr' | 'newPartsLr') =>
  curves.flatMap((curve, index) => {
    const points = finite(curve[quantity] ?? []);
    return points.length === 0 ? [] : [{ points: thinned(points), colour: seriesColour(index) }];
  });

export function lossChart({ title, curves, validations = [] }: Stage): string {
  const measured = validations.flatMap(({ step, loss }): Point[] => (loss === null ? [] : [[step, loss]]));
  return svg(`Loss, ${title}`, {
    ...FRAME,
    height: 262,
    x: { ...STEPS, nice: false },
    y: { label: 'loss', grid: true, ticks: 5, zero: true, nice: true },
    marks: [
      ...withValues(curves, 'loss').flatMap(({ points, colour }) => [
        Plot.lineY(points, { x: at(0), y: at(1), stroke: colour, strokeOpacity: 0.25, strokeWidth: 1 }),
        Plot.lineY(smoothed(points), { x: at(0), y: at(1), stroke: colour, strokeWidth: 2 }),
      ]),
      ...(measured.length === 0 ? [] : seriesWithDots(measured, VALIDATION_COLOUR)),
    ],
  });
}

/** What was measured on clips that the model was not trained on. */
export const VALIDATION_COLOUR = 'var(--series-2)';
export const TOP5_COLOUR = 'var(--series-3)';

/** Few points, each of which was measured by itself; of many, the line alone. */
const seriesWithDots = (points: readonly Point[], colour: string) => [
  Plot.lineY(points, { x: at(0), y: at(1), stroke: colour, strokeWidth: 2 }),
  ...(points.length > 60 ? [] : [Plot.dot(points, { x: at(0), y: at(1), r: 2.5, fill: colour })]),
];

/** Top-1 and top-5 over a run, the best top-1 with a ring and its number. */
export function validationChart(validations: readonly Validation[]): string {
  const shares = (name: 'top1' | 'top5') => validations.map((each) => [each.step, 100 * each[name]] as const);
  const best = bestOf(validations);
  const marked = best === undefined ? [] : [[best.step, 100 * best.top1] as const];
  const last = validations.at(-1)?.step ?? 0;
  return svg('Accuracy on data.val', {
    ...FRAME,
    height: 424,
    x: { ...STEPS, domain: [0, last] },
    y: { label: 'right, %', grid: true, ticks: 5, domain: [0, 100] },
    marks: [
      ...seriesWithDots(shares('top5'), TOP5_COLOUR),
      ...seriesWithDots(shares('top1'), VALIDATION_COLOUR),
      Plot.dot(marked, { x: at(0), y: at(1), r: 6, stroke: VALIDATION_COLOUR, strokeWidth: 2 }),
      Plot.text(marked, { x: at(0), y: at(1), text: ([, value]: Point) => `best ${value.toFixed(1)}`, dy: 18,
        textAnchor: (best?.step ?? 0) > 0.85 * last ? 'end' : 'middle', fill: 'currentColor', fontWeight: 600,
        stroke: 'var(--card)', strokeWidth: 4 }),
    ],
  });
}

export function learningRateChart({ title, curves }: Stage): string {
  return svg(`Learning rate, ${title}`, {
    ...FRAME,
    height: 162,
    x: STEPS,
    y: { label: 'learning rate', grid: true, ticks: 3, zero: true, nice: true,
      tickFormat: (value: number) => (value === 0 ? '0' : Number(value.toPrecision(2)).toExponential()) },
    marks: [
      ...withValues(curves, 'newPartsLr').map(({ points, colour }) =>
        Plot.lineY(points, { x: at(0), y: at(1), stroke: colour, strokeWidth: 1.5, strokeDasharray: '5 3' })
      ),
      ...withValues(curves, 'lr').map(({ points, colour }) =>
        Plot.lineY(points, { x: at(0), y: at(1), stroke: colour, strokeWidth: 1.5 })
      ),
    ],
  });
}

interface Cell {
  readonly truth: string;
  readonly guess: string;
  readonly row: number;
  readonly column: number;
  readonly count: number;
  /** Share of the label's clips. */
  readonly share: number;
}

/** The cells that are not empty. */
function cellsOf({ labels, counts, totals }: Confusion): Cell[] {
  return counts.flatMap((row, i) => {
    const total = totals?.[i] ?? row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, j) => (count === 0
      ? []
      : [{ truth: labels[i], guess: labels[j], row: i, column: j, count, share: count / total }])
    );
  });
}

/** The root lets a single mistake be seen beside a full row. */
const strength = ({ share }: Cell) => 0.15 + 0.85 * Math.sqrt(share);

const described = ({ truth, guess, count, share }: Cell) =>
  `${truth} → ${guess}: ${count} (${(100 * share).toFixed(0)} % of ${truth})`;

/** Labels longer than that are numbered: on the left with their number, at the top by it alone. */
const SHORT_LABEL = 9;
/** Characters of a label that fit beside the matrix. */
const LABEL_ROOM = 26;

/** Few labels: every cell has its count, the darker the larger its share of the row. */
export function confusionChart(title: string, confusion: Confusion): string {
  const { labels } = confusion;
  const cells = cellsOf(confusion);
  const longest = Math.max(...labels.map((label) => label.length));
  const isNumbered = longest > SHORT_LABEL;
  const margin = Math.min(isNumbered ? 190 : 150, 20 + 7 * longest);
  const domain = labels.map((_, i) => i);
  const row = (i: number) => (isNumbered ? `${clipped(labels[i], LABEL_ROOM)}  ${i + 1}` : labels[i]);
  const side = WIDTH - margin;
  return svg(title, {
    marginLeft: margin,
    marginTop: 56,
    marginBottom: 6,
    marginRight: 6,
    height: side + 56,
    x: { domain, axis: 'top', label: 'predicted', labelAnchor: 'center', labelArrow: 'none', labelOffset: 44,
      tickSize: 0, tickFormat: (i: number) => (isNumbered ? String(i + 1) : labels[i]) },
    y: { domain, label: null, tickSize: 0, tickFormat: row },
    marks: [
      Plot.cell(domain.flatMap((truth) => domain.map((guess) => ({ truth, guess }))), { x: 'guess', y: 'truth',
        fill: 'var(--empty)', inset: 1, rx: Math.min(4, side / labels.length / 5) }),
      Plot.cell(cells, { x: 'column', y: 'row',
        fill: (cell: Cell) => (cell.row === cell.column ? 'var(--right)' : 'var(--wrong)'), fillOpacity: strength,
        inset: 1, rx: Math.min(4, side / labels.length / 5), title: described }),
      Plot.text(cells, { x: 'column', y: 'row', text: (cell: Cell) => String(cell.count),
        fill: (cell: Cell) => (cell.share > 0.5 ? 'var(--on-fill)' : 'currentColor'), fontWeight: 600,
        fontSize: Math.min(12, side / labels.length / 1.7), pointerEvents: 'none' }),
    ],
  });
}

const clipped = (text: string, most: number) => ([...text].length > most
  ? `${[...text].slice(0, most - 1).join('')}…`
  : text);

/**
 * Many labels: a dot for each pair that occurred, and lines between the groups, whose names stand in place of the
 * labels'.
 */
export function compactConfusionChart(title: string, confusion: Confusion): string {
  const { labels, groups = [] } = confusion;
  const cells = cellsOf(confusion);
  const spans = groupSpans(groups);
  const borders = spans.slice(1).map(({ from }) => from - 0.5);
  const margin = Math.min(120, 20 + 7 * Math.max(0, ...spans.map(({ name }) => name.length)));
  const ticks = spans.map(({ from, to }) => (from + to) / 2);
  const nameAt = (position: number) => spans[ticks.indexOf(position)].name;
  const axis = { domain: [-0.5, labels.length - 0.5], ticks, tickFormat: nameAt, tickSize: 0 };
  const radius = Math.max(2, Math.min(6, ((WIDTH - margin) / labels.length) * 0.55));
  return svg(title, {
    marginLeft: margin,
    marginTop: 56,
    marginBottom: 6,
    marginRight: 6,
    height: WIDTH - margin + 56,
    x: { ...axis, axis: 'top', label: 'predicted', labelAnchor: 'center', labelArrow: 'none', labelOffset: 44 },
    y: { ...axis, reverse: true, label: null },
    marks: [
      Plot.frame({ stroke: 'var(--line)', rx: 4 }),
      Plot.ruleX(borders, { stroke: 'var(--line)' }),
      Plot.ruleY(borders, { stroke: 'var(--line)' }),
      Plot.dot(cells, { x: 'column', y: 'row', r: radius,
        fill: (cell: Cell) => (cell.row === cell.column ? 'var(--right)' : 'var(--wrong)'), fillOpacity: strength,
        title: described }),
    ],
  });
}

function groupSpans(groups: readonly string[]): { name: string; from: number; to: number }[] {
  const spans: { name: string; from: number; to: number }[] = [];
  for (const [index, name] of groups.entries()) {
    const last = spans.at(-1);
    if (last?.name === name) last.to = index;
    else spans.push({ name, from: index, to: index });
  }
  return spans;
}
