/** The roofline as a picture that stands by itself: on white, with its own colours. For Node, which has no document. */
import { parseHTML } from 'linkedom';
import type { Roofs } from '../roofs/index.ts';
import { type Dot, dotsOf, roofline } from './roofline.ts';
import type { Row } from './row.ts';

const [WIDTH, HEIGHT] = [900, 520];
/** Room for two lines of text and the legend. */
const TITLE = 82;
/** Distinct on white. Rooms beyond are OTHERS. */
const COLOURS = ['#2a6fd0', '#c65d12', '#1c8a5a', '#6b57c9', '#b8860b', '#c23b6b', '#2f8fa3', '#7a5c3e', '#4f7a28'];
const OTHERS = { name: 'others', colour: '#8a8a8a' };

/** Rooms by how many dots they have, so that the common ones have colours of their own. */
function roomsOf(dots: readonly Dot[]): string[] {
  const counts = new Map<string, number>();
  for (const { series } of dots) counts.set(series, (counts.get(series) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([room]) => room);
}

export function rooflinePicture(rows: readonly Row[], roofs: Roofs, adapter: string): string {
  const dots = dotsOf(rows);
  const rooms = roomsOf(dots);
  const colourOf = (room: string) => COLOURS[rooms.indexOf(room)] ?? OTHERS.colour;
  const named = adapter.replace(/[&<>"]/g, '');
  const { document } = parseHTML('<html></html>');
  const figure = roofline(document as unknown as Document, dots, roofs, { ink: '#222', ground: '#fff', colourOf,
    width: WIDTH, height: HEIGHT });
  const shown = rooms.slice(0, COLOURS.length).map((room) => ({ name: room, colour: colourOf(room) }));
  const legend = [...shown, ...(rooms.length > shown.length ? [OTHERS] : [])].map(({ name, colour }) =>
    `<tspan fill="${colour}">● </tspan><tspan>${name}   </tspan>`
  ).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="roofline of ${named}" width="${WIDTH}" height="${
      HEIGHT + TITLE
    }" viewBox="0 0 ${WIDTH} ${
      HEIGHT + TITLE
    }" style="background: #fff; color: #222; font: 13px system-ui, sans-serif">`,
    `<rect width="${WIDTH}" height="${HEIGHT + TITLE}" fill="#fff"/>`,
    `<text x="16" y="24" fill="#222" font-weight="600">${named}</text>`,
    `<text x="16" y="44" fill="#222">every kernel at the sizes of models, best variant; filled forward, hollow gradient</text>`,
    `<text x="16" y="66" fill="#222" xml:space="preserve">${legend}</text>`,
    `<g transform="translate(0 76)">${figure.outerHTML}</g>`,
    '</svg>\n',
  ].join('\n');
}
