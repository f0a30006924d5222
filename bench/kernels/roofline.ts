/** The roofline of an adapter, drawn in whatever document it is given. Williams et al. 2009. */
import * as Plot from '@observablehq/plot';
import { asPicture } from '../../train/report/picture.ts';
import type { Roofs } from '../roofs/index.ts';
import { digits, duration, percent } from '../../train/log/table.ts';
import { type Row, gbpsOf, gflopsOf, shareOf } from './row.ts';

/** A measured row by what it needs and what it reached. */
export interface Dot {
  /** What has a colour of its own: a room, or a variant. */
  readonly series: string;
  /** Operations per byte of memory traffic. */
  readonly intensity: number;
  readonly gflops: number;
  readonly isForward: boolean;
  readonly title: string;
}

/** How it is drawn: colours as CSS has them, and pixels. */
export interface Look {
  readonly ink: string;
  readonly ground: string;
  colourOf(series: string): string;
  readonly width: number;
  readonly height: number;
}

/** The best variant of every case at a model's size, in f32, that computes anything: by room. */
export function dotsOf(rows: readonly Row[]): Dot[] {
  const best = new Map<string, Row>();
  for (const row of rows.filter(({ isWorkload, type, flops }) => isWorkload && type === 'f32' && flops > 0)) {
    const key = `${row.room} ${row.case} ${row.direction}`;
    const other = best.get(key);
    if (other === undefined || shareOf(row) > shareOf(other)) best.set(key, row);
  }
  return [...best.values()].map((row) => dotOf(row, row.room));
}

/** A row as a dot. */
export function dotOf(row: Row, series: string): Dot {
  return {
    series,
    intensity: row.flops / row.bytes,
    gflops: gflopsOf(row),
    isForward: row.direction === 'forward',
    title: `${row.room}, ${row.case}, ${row.direction}, ${row.variant}: ${duration(row.gpu.median)}, ${
      digits(gflopsOf(row))
    } GFLOP/s, ${digits(gbpsOf(row))} GB/s, ${percent(shareOf(row))} of the roof`,
  };
}

/** A tick of a logarithmic axis. */
const plain = (value: number) => String(Number(value.toPrecision(1)));

/** Roofs that f32 on the lanes of the adapter has not over it, but kernels or processors may reach. */
function furtherRoofs({ processorGflops, matrixGflops, wideMatrixGflops }: Roofs): {
  readonly name: string;
  readonly gflops: number;
}[] {
  return [{ name: 'fused on the processor', gflops: processorGflops }, { name: 'matrix units, f16',
    gflops: matrixGflops }, { name: 'matrix units, f32', gflops: wideMatrixGflops }].flatMap((
      { name, gflops },
    ) => (gflops === undefined ? [] : [{ name, gflops }]));
}

/** The roofs, and the dots below them: filled forward, hollow gradient. */
export function roofline(document: Document, dots: readonly Dot[], roofs: Roofs, look: Look): Element {
  const { ink, ground, width, height } = look;
  const intensities = dots.map(({ intensity }) => intensity);
  const [left, right] = [Math.min(0.05, ...intensities) / 1.5, Math.max(300, ...intensities) * 1.5];
  const ridge = roofs.gflops / roofs.gbps;
  const roof = [left, ridge, right].map((x) => [x, Math.min(roofs.gflops, x * roofs.gbps)] as const);
  const further = furtherRoofs(roofs);
  const place = { x: 'intensity', y: 'gflops', stroke: ({ series }: Dot) => look.colourOf(series), r: 5,
    strokeWidth: 1.8, title: 'title' };
  const figure = Plot.plot({
    document,
    width,
    height,
    marginLeft: 56,
    marginRight: 20,
    marginTop: 34,
    marginBottom: 44,
    style: { background: ground, color: ink, fontFamily: 'system-ui, sans-serif', fontSize: '13px' },
    x: { type: 'log', domain: [left, right], label: 'operations per byte', grid: true, tickFormat: plain },
    y: { type: 'log',
      domain: [Math.min(...dots.map(({ gflops }) => gflops), roofs.gflops / 1000) / 1.5,
        Math.max(roofs.gflops, ...further.map(({ gflops }) => gflops)) * 2.2], label: 'GFLOP/s', grid: true,
      tickFormat: plain },
    marks: [
      Plot.line(roof, { stroke: ink, strokeWidth: 2 }),
      Plot.text([[right, roofs.gflops]], { text: [`${digits(roofs.gflops)} GFLOP/s f32`], textAnchor: 'end', dy: -10,
        fontWeight: 600 }),
      ...further.flatMap(({ name, gflops }) => [
        Plot.line([[gflops / roofs.gbps, gflops], [right, gflops]], { stroke: ink, strokeDasharray: '5 4' }),
        Plot.text([[right, gflops]], { text: [`${digits(gflops)} GFLOP/s ${name}`], textAnchor: 'end', dy: -9 }),
      ]),
      Plot.text([[left, left * roofs.gbps]], { text: [`${digits(roofs.gbps)} GB/s copy`], textAnchor: 'start', dx: 6,
        dy: -14, rotate: -31, fontWeight: 600 }),
      Plot.dot(dots.filter(({ isForward }) => !isForward), { ...place, fill: ground }),
      Plot.dot(dots.filter(({ isForward }) => isForward), { ...place, fill: place.stroke }),
    ],
  });
  return asPicture(figure,
    `${dots.length} kernels by operations per byte and GFLOP/s, below the roofs of ${digits(roofs.gbps)} GB/s and ${
      digits(roofs.gflops)
    } GFLOP/s`);
}
