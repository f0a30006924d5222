/** Curves that grow while a run goes on. */
import { element } from '../pages/dom.ts';

/** A line of a chart. */
export interface Line {
  readonly name: string;
  /** By numbers of steps, in their order. */
  readonly points: readonly (readonly [step: number, value: number])[];
  /** Of the style: `--series-1`, …; dashed where it is no result. */
  readonly colour: string;
  readonly isDashed?: boolean;
}

const WIDTH = 520;
const HEIGHT = 190;
const MARGIN = { left: 44, right: 10, top: 8, bottom: 22 };
/** Points that are drawn of a line: more could not be told apart. */
const MOST_POINTS = 260;

/**
 * A chart of some lines, from 0 up. Its text says what the last value of each is.
 *
 * @param steps where the lines end  @param format of values
 */
export function chart(label: string, lines: readonly Line[], steps: number, format: (value: number) => string,
  most = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 0) || 1): HTMLElement {
  const x = (step: number) => MARGIN.left + (step / Math.max(1, steps)) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / most) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const last = lines.flatMap(({ name, points }) => points.slice(-1).map(([, value]) => `${name} ${format(value)}`));
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img',
    'aria-label': `${label}: ${last.join(', ') || 'nothing yet'}` });
  for (const value of [0, most / 2, most]) {
    picture.append(
      svg('line', { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(value), y2: y(value), stroke: 'var(--line)' }),
      text(format(value), MARGIN.left - 6, y(value) + 4, 'end'),
    );
  }
  picture.append(text('0', MARGIN.left, HEIGHT - 6, 'start'),
    text(steps.toLocaleString('en-US'), WIDTH - MARGIN.right, HEIGHT - 6, 'end'));
  for (const { points, colour, isDashed } of lines) {
    const every = Math.max(1, Math.ceil(points.length / MOST_POINTS));
    const drawn = points.filter((_, i) => i % every === 0 || i === points.length - 1);
    picture.append(
      svg('polyline', {
        points: drawn.map(([step, value]) => `${x(step).toFixed(1)},${y(Math.min(most, value)).toFixed(1)}`).join(' '),
        fill: 'none',
        stroke: `var(${colour})`,
        'stroke-width': 2,
        ...(isDashed && { 'stroke-dasharray': '6 5' }),
      }),
    );
  }
  const legend = element('div', { className: 'legend' }, ...lines.map(({ name, colour, isDashed }) => {
    const mark = element('i', { className: isDashed === true ? 'dashed' : '' });
    mark.style.setProperty('--colour', `var(${colour})`);
    return element('span', {}, mark, name);
  }));
  return element('figure', {}, element('figcaption', {}, label), legend, picture);
}

function svg(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function text(content: string, x: number, y: number, anchor: 'start' | 'end'): SVGElement {
  const made = svg('text', { x, y, 'text-anchor': anchor, fill: 'var(--soft)', 'font-size': 12 });
  made.textContent = content;
  return made;
}
