/** The roofline of an adapter as a picture. Williams et al. 2009. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { Roofs } from '../roofs/index.ts';
import { digits, duration, percent } from '../table.ts';
import { type Row, gbpsOf, gflopsOf, shareOf } from './measure.ts';

const [WIDTH, HEIGHT] = [900, 520];
/** Room for two lines of text and the legend. */
const TITLE = 82;
/** Distinct on white. Rooms beyond are OTHERS. */
const COLOURS = ['#2a6fd0', '#c65d12', '#1c8a5a', '#6b57c9', '#b8860b', '#c23b6b', '#2f8fa3', '#7a5c3e', '#4f7a28'];
const OTHERS = { name: 'others', colour: '#8a8a8a' };

/** A measured row by what it needs and what it reached. */
interface Dot {
  readonly room: string;
  /** Operations per byte of memory traffic. */
  readonly intensity: number;
  readonly gflops: number;
  readonly isForward: boolean;
  readonly title: string;
}

/** The best variant of every case at a model's size, in f32, that computes anything. */
export function dotsOf(rows: readonly Row[]): Dot[] {
  const best = new Map<string, Row>();
  for (const row of rows.filter(({ isWorkload, type, flops }) => isWorkload && type === 'f32' && flops > 0)) {
    const key = `${row.room} ${row.case} ${row.direction}`;
    const other = best.get(key);
    if (other === undefined || shareOf(row) > shareOf(other)) best.set(key, row);
  }
  return [...best.values()].map((row) => ({
    room: row.room,
    intensity: row.flops / row.bytes,
    gflops: gflopsOf(row),
    isForward: row.direction === 'forward',
    title: `${row.room}, ${row.case}, ${row.direction}, ${row.variant}: ${duration(row.gpu.median)}, ${
      digits(gflopsOf(row))
    } GFLOP/s, ${digits(gbpsOf(row))} GB/s, ${percent(shareOf(row))} of the roof`,
  }));
}

/** Rooms by how many dots they have, so that the common ones have colours of their own. */
function roomsOf(dots: readonly Dot[]): string[] {
  const counts = new Map<string, number>();
  for (const { room } of dots) counts.set(room, (counts.get(room) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([room]) => room);
}

/** A tick of a logarithmic axis. */
const plain = (value: number) => String(Number(value.toPrecision(1)));

/** A picture that stands by itself: on white, with its own colours. */
export function rooflinePicture(rows: readonly Row[], roofs: Roofs, adapter: string): string {
  const dots = dotsOf(rows);
  const intensities = dots.map(({ intensity }) => intensity);
  const [left, right] = [Math.min(0.05, ...intensities) / 1.5, Math.max(300, ...intensities) * 1.5];
  const ridge = roofs.gflops / roofs.gbps;
  const roof = [left, ridge, right].map((x) => [x, Math.min(roofs.gflops, x * roofs.gbps)] as const);
  // roofs that f32 on the lanes of the adapter has not over it, but kernels or processors may reach
  const further = [{ name: 'fused on the processor', gflops: roofs.processorGflops }, { name: 'matrix units, f16',
    gflops: roofs.matrixGflops }, { name: 'matrix units, f32', gflops: roofs.wideMatrixGflops }].flatMap((
      { name, gflops },
    ) => (gflops === undefined ? [] : [{ name, gflops }]));
  const rooms = roomsOf(dots);
  const colourOf = (room: string) => COLOURS[rooms.indexOf(room)] ?? OTHERS.colour;
  const place = { x: 'intensity', y: 'gflops', stroke: ({ room }: Dot) => colourOf(room), r: 5, strokeWidth: 1.8,
    title: 'title' };
  const { document } = parseHTML('<html></html>');
  const figure = Plot.plot({
    document: document as unknown as Document,
    width: WIDTH, height: HEIGHT, marginLeft: 56, marginRight: 20, marginTop: 34, marginBottom: 44,
    style: { background: '#fff', color: '#222', fontFamily: 'system-ui, sans-serif', fontSize: '13px' },
    x: { type: 'log', domain: [left, right], label: 'operations per byte', grid: true, tickFormat: plain },
    y: { type: 'log',
      domain: [Math.min(...dots.map(({ gflops }) => gflops), roofs.gflops / 1000) / 1.5,
        Math.max(roofs.gflops, ...further.map(({ gflops }) => gflops)) * 2.2], label: 'GFLOP/s', grid: true,
      tickFormat: plain },
    marks: [
      Plot.line(roof, { stroke: '#222', strokeWidth: 2 }),
      Plot.text([[right, roofs.gflops]], { text: [`${digits(roofs.gflops)} GFLOP/s f32`], textAnchor: 'end', dy: -10,
        fontWeight: 600 }),
      ...further.flatMap(({ name, gflops }) => [
        Plot.line([[gflops / roofs.gbps, gflops], [right, gflops]], { stroke: '#222', strokeDasharray: '5 4' }),
        Plot.text([[right, gflops]], { text: [`${digits(gflops)} GFLOP/s ${name}`], textAnchor: 'end', dy: -9 }),
      ]),
      Plot.text([[left, left * roofs.gbps]], { text: [`${digits(roofs.gbps)} GB/s copy`], textAnchor: 'start', dx: 6,
        dy: -14, rotate: -31, fontWeight: 600 }),
      Plot.dot(dots.filter(({ isForward }) => !isForward), { ...place, fill: '#fff' }),
      Plot.dot(dots.filter(({ isForward }) => isForward), { ...place, fill: place.stroke }),
    ],
  });
  const named = rooms.slice(0, COLOURS.length).map((room) => ({ name: room, colour: colourOf(room) }));
  const legend = [...named, ...(rooms.length > named.length ? [OTHERS] : [])].map(({ name, colour }) =>
    `<tspan fill="${colour}">● </tspan><tspan>${name}   </tspan>`
  ).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT + TITLE}" viewBox="0 0 ${WIDTH} ${
      HEIGHT + TITLE
    }" style="background: #fff; color: #222; font: 13px system-ui, sans-serif">`,
    `<rect width="${WIDTH}" height="${HEIGHT + TITLE}" fill="#fff"/>`,
    `<text x="16" y="24" fill="#222" font-weight="600">${adapter.replace(/[&<>]/g, '')}</text>`,
    `<text x="16" y="44" fill="#222">every kernel at the sizes of models, best variant; filled forward, hollow gradient</text>`,
    `<text x="16" y="66" fill="#222" xml:space="preserve">${legend}</text>`,
    `<g transform="translate(0 76)">${figure.outerHTML}</g>`,
    '</svg>\n',
  ].join('\n');
}
