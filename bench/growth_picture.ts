/** Growth as a picture: both axes logarithmic, so that a straight line of slope 1 is what grows in proportion. */
import * as Plot from '@observablehq/plot';
import { svg } from '../train/report/charts.ts';
import type { GrowthPoint } from './growth_point.ts';

const [WIDTH, HEIGHT] = [480, 300];
const COLOURS = { time: '#2668c6', activations: '#c65d12', linear: '#999' } as const;

/** One chart: each quantity in units of its first point. */
function chart(axis: string, points: readonly GrowthPoint[]): string {
  const [first] = points;
  const line = (value: (point: GrowthPoint) => number, stroke: string, dash?: string) =>
    Plot.lineY(points, { x: 'count', y: (point: GrowthPoint) => value(point) / value(first), stroke, strokeWidth: 2,
      marker: dash === undefined, ...(dash && { strokeDasharray: dash }) });
  return svg(`Growth with ${axis}`, {
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 50,
    marginBottom: 42,
    x: { type: 'log', label: axis },
    y: { type: 'log', label: 'times the first', grid: true },
    marks: [line(({ count }) => count, COLOURS.linear, '4 4'),
      line(({ milliseconds = Number.NaN }) => milliseconds, COLOURS.time),
      line(({ stepBytes }) => stepBytes, COLOURS.activations)],
  });
}

/** A chart for each axis, one below the other, with a legend. */
export function growthPicture(points: readonly GrowthPoint[]): string {
  const axes = [...new Set(points.map(({ axis }) => axis))];
  const legend = Object.entries({ 'time of a step': COLOURS.time, activations: COLOURS.activations,
    'in proportion': COLOURS.linear }).map(([text, colour], i) =>
      `<text x="${50 + 140 * i}" y="18" fill="${colour}">${text}</text>`
    );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${
      30 + HEIGHT * axes.length
    }" style="background: #fff; color: #222; font: 13px system-ui, sans-serif">`,
    ...legend,
    ...axes.map((axis, i) =>
      `<g transform="translate(0 ${30 + HEIGHT * i})">${chart(axis, points.filter((point) => point.axis === axis))}</g>`
    ),
    '</svg>\n',
  ].join('\n');
}
