/**
 * The losses of several runs of the demo in one picture, a chart for each stage: what storing as f16 does to learning.
 *
 *   npm start -- --precision f32 --out runs/f32
 *   npm start -- --precision f16 --out runs/f16
 *   npx tsx bench/curves.ts runs/f32 runs/f16 train/report/precision.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LOG_FILE } from '../train/log/recorder.ts';
import { readRunLog, seriesOf } from '../train/log/run_log.ts';
import { lossChart } from '../train/report/charts.ts';

const STAGES = ['CLIP', 'X-CLIP', 'CLIP-Mean'];
/** What the report gives its page; a picture has no page. */
const COLOURS = '--series-1: #2668c6; --series-2: #c65d12; --series-3: #6b57c9';
const [WIDTH, HEIGHT, LEGEND] = [500, 290, 24];

/** Accuracies that a run ended with. */
function resultOf(folder: string): string {
  const { results } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as {
    results: Record<string, { value: number }>;
  };
  const percent = (key: string) => `${(100 * results[key].value).toFixed(1)} %`;
  return `X-CLIP, top-1 ${percent('xclip_seen_top1')}, zero-shot ${percent('xclip_zero_shot_top1')}, motion ${
    percent('xclip_motion')
  } · CLIP-Mean, motion ${percent('clip_mean_motion')}`;
}

function picture(folders: readonly string[]): string {
  const logs = folders.map((folder) => ({ name: basename(folder), entries: readRunLog(join(folder, LOG_FILE)) }));
  const charts = STAGES.map((stage) =>
    lossChart({ title: stage,
      curves: logs.map(({ name, entries }) => ({ system: name, loss: seriesOf(entries, stage, 'loss'), lr: [] })) })
  );
  const text = (x: number, y: number, content: string, fill = '#222') =>
    `<text x="${x}" y="${y}" fill="${fill}">${content}</text>`;
  const top = LEGEND * logs.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * charts.length}" height="${
      top + HEIGHT
    }" style="${COLOURS}; background: #fff; color: #222; font: 13px system-ui, sans-serif">`,
    ...folders.map((folder, i) =>
      text(44, 22 + i * LEGEND, `${logs[i].name}: ${resultOf(folder)}`, `var(--series-${i + 1})`)
    ),
    ...charts.flatMap((chart,
      i) => [text(44 + i * WIDTH, top + 14, STAGES[i]),
      `<g transform="translate(${i * WIDTH} ${top + 20})">${chart}</g>`]
    ),
    '</svg>\n',
  ].join('\n');
}

const paths = process.argv.slice(2);
if (paths.length < 2) throw new RangeError('curves: expected run folders and, last, the picture to write');
writeFileSync(paths[paths.length - 1], picture(paths.slice(0, -1)));
