/** A ladder on its page: table, picture and file. Loaded when the first one is measured, with Plot. */
import { dotOf, roofline } from '../../bench/kernels/roofline.ts';
import { roofsText } from '../../bench/roofs/rates.ts';
import { element, table } from '../pages/dom.ts';
import { copyButton, downloadButton } from '../pages/take_away.ts';
import type { Ladder } from '../worker/ladder.ts';
import { type Built, LADDER_HEAD, ladderCells, ladderResults } from './ladder_text.ts';

/** Whose it is. */
interface Origin {
  readonly room: string;
  readonly built: Built;
}

/** Colours of the page, which follow light and dark mode. Variants beyond are the last. */
const COLOURS = ['--series-1', '--series-2', '--series-3', '--right', '--t-attribute', '--t-type', '--soft'];
const [WIDEST, NARROWEST] = [860, 330];

/** Shows it in the place of one before. */
export function showLadder(place: HTMLElement, ladder: Ladder, origin: Origin): void {
  if (ladder.rows.length === 0) return place.replaceChildren();
  place.replaceChildren(
    element('p', { className: 'hint' }, `Roofs, measured in the same run: ${roofsText(ladder.roofs)}.`),
    table('ladder', LADDER_HEAD, ladderCells(ladder)),
    ...ladder.leftOut.map((what) => element('p', { className: 'hint' }, `Left out: ${what}.`)),
    ...picture(ladder, place.clientWidth),
    file(ladder, origin),
  );
}

/** What computes nothing has no place in it: only memory bounds that. */
function picture({ rows, roofs }: Ladder, room: number): HTMLElement[] {
  const computing = rows.filter(({ flops }) => flops > 0);
  if (computing.length === 0) return [];
  const variants = [...new Set(computing.map(({ variant }) => variant))];
  const colourOf = (variant: string) => `var(${COLOURS[Math.min(variants.indexOf(variant), COLOURS.length - 1)]})`;
  const width = Math.max(NARROWEST, Math.min(WIDEST, room));
  const drawn = roofline(document, computing.map((row) => dotOf(row, row.variant)), roofs, { ink: 'currentColor',
    ground: 'var(--card)', colourOf, width, height: Math.round(width * 0.58) });
  const legend = variants.map((variant) => {
    const dot = element('i');
    dot.style.setProperty('--colour', colourOf(variant));
    return element('span', {}, dot, variant === 'only' ? 'the kernel' : variant);
  });
  return [
    element('figure', { className: 'card' },
      element('figcaption', {}, 'Roofline: filled forward, hollow gradient. The table has the numbers.'),
      element('p', { className: 'legend' }, ...legend), drawn),
  ];
}

/** Buttons that hand the results over as the benchmark writes them. */
function file(ladder: Ladder, { room, built }: Origin): HTMLElement {
  const text = () => ladderResults(room, ladder, built);
  return element('div', {},
    element('p', {}, copyButton('Copy as JSON', 'results as JSON', text), ' ',
      downloadButton(`${room}.kernels.json`, text)),
    element('p', { className: 'hint' }, 'In a clone, ',
      element('code', {}, `npm run bench -- --room ${room} --models --compare FILE`), ' compares itself with it.'));
}
