/**
 * Who imports whom, types counted, as a picture; and whether anybody imports himself by way of others.
 *
 *   npm run imports               draws runs/imports.svg
 *   npm run imports -- FILE       draws FILE
 *   npm run imports -- FILE model train    draws the imports within these parts
 *
 * Ends with 1 if there is a circle, and lists its files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { circlesOf, graphOf, within } from './graph.ts';
import { importsPicture } from './picture.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const [path = join(ROOT, 'runs/imports.svg'), ...parts] = process.argv.slice(2);
const whole = graphOf(ROOT);
const graph = parts.length === 0 ? whole : within(whole, parts);
const circles = circlesOf(graph);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, await importsPicture(graph));
for (const [i, circle] of circles.entries()) {
  console.log(
    `circle ${i + 1}, ${circle.length} files that import each other:\n${circle.map((file) => `  ${file}`).join('\n')}`,
  );
}
console.log(
  `${graph.size} files, ${
    [...graph.values()].flat().length
  } imports, types counted; circles: ${circles.length}\nwrote ${path}`,
);
process.exitCode = circles.length === 0 ? 0 : 1;
