/**
 * The imports of the house as a picture: a panel for each part, in which every file stands above all that it imports.
 */
import { instance } from '@viz-js/viz';
import { circlesOf, type Graph, partOf, PARTS, reachedFrom, within } from './graph.ts';

type Viz = Awaited<ReturnType<typeof instance>>;

const INK = { text: '#1f2933', soft: '#66707c', line: '#9aa5b1', file: '#f6f8fa', border: '#c5ccd4', folder: '#f0f3f6',
  circle: '#c62828' };
const FONT = 'Helvetica, Arial, sans-serif';
/** Between panels, and around them, in points. */
const [GAP, MARGIN, HEAD] = [36, 24, 56];

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'));

/** The imports that no others imply: without `a → c` where there is `a → b → c`. Those of a circle all stay. */
function needed(graph: Graph, isInCircle: (a: string, b: string) => boolean): [from: string, to: string][] {
  const reached = new Map([...graph.keys()].map((path) => [path, reachedFrom(graph, path)]));
  const leads = (from: string, to: string) => reached.get(from)?.has(to) === true && !isInCircle(from, to);
  return [...graph].flatMap(([path, targets]) => {
    const isImplied = (target: string) =>
      targets.some((other) => other !== target && !isInCircle(path, other) && leads(other, target));
    return targets.filter((target) => isInCircle(path, target) || !isImplied(target)).map((
      target,
    ): [string, string] => [path, target]);
  });
}

/** One part in the language of Graphviz. */
export function dotOf(graph: Graph, part: string): string {
  const own = within(graph, [part]);
  const circleOf = new Map(circlesOf(own).flatMap((circle, i) => circle.map((path) => [path, i] as const)));
  const isInCircle = (a: string, b: string) => circleOf.has(a) && circleOf.get(a) === circleOf.get(b);
  const folders = [...new Set([...own.keys()].map(folderOf))].sort();
  const nodes = (folder: string) => {
    const files = [...own.keys()].filter((path) => folderOf(path) === folder);
    return files.map((path) =>
      `"${path}" [label="${path.slice(folder.length + 1)}"${
        circleOf.has(path) ? ` color="${INK.circle}" penwidth=2` : ''
      }]`
    ).join('\n');
  };
  const cluster = (folder: string) => {
    return folder === part
      ? nodes(folder)
      : `subgraph "cluster_${folder}" { margin=8 label="${folder.slice(part.length + 1)}/"\n${nodes(folder)} }`;
  };
  const edges = needed(own, isInCircle).map(([from, to]) =>
    `"${from}" -> "${to}"${isInCircle(from, to) ? ` [color="${INK.circle}" penwidth=1.5]` : ''}`
  );
  return `digraph "${part}" {
graph [rankdir=TB newrank=true nodesep=0.12 ranksep=0.42 margin=0 bgcolor=transparent]
graph [style="filled,rounded" color="${INK.folder}" pencolor="${INK.border}" fontname="${FONT}" fontsize=11 fontcolor="${INK.soft}" labeljust=l]
node [shape=box style="filled,rounded" fillcolor="${INK.file}" color="${INK.border}" margin="0.13,0.04" height=0.24]
node [fontname="${FONT}" fontsize=11 fontcolor="${INK.text}"]
edge [color="${INK.line}" arrowsize=0.5 penwidth=0.8]
${folders.map(cluster).join('\n')}
${edges.join('\n')}
}`;
}

/** How many imports lead from each part to others. */
function acrossText(graph: Graph, part: string): string {
  const own = [...graph].filter(([path]) => partOf(path) === part);
  const targets = own.flatMap(([, all]) => all.map(partOf)).filter((other) => other !== part);
  const counts = PARTS.filter((other) => targets.includes(other)).map((other) =>
    `${other} ${targets.filter((each) => each === other).length} times`
  );
  return counts.length === 0 ? 'imports no other part' : `imports ${counts.join(', ')}`;
}

interface Panel {
  readonly width: number;
  readonly height: number;
  readonly frame: string;
  readonly body: string;
}

function panelOf(viz: Viz, graph: Graph, part: string): Panel {
  const text = viz.renderString(dotOf(graph, part), { format: 'svg', engine: 'dot' });
  const [, frame, width, height] = /viewBox="([\d.]+ [\d.]+ ([\d.]+) ([\d.]+))"/.exec(text) ?? [];
  if (frame === undefined) throw new Error(`Graphviz drew no ${part}`);
  const body = text.slice(text.indexOf('<g id="graph'), text.lastIndexOf('</svg>'));
  return { width: Number(width), height: Number(height), frame, body };
}

/** The picture as SVG: `bench` on top, what all stand on at the bottom. */
export async function importsPicture(graph: Graph): Promise<string> {
  const viz = await instance();
  const parts = PARTS.filter((part) => [...graph.keys()].some((path) => partOf(path) === part)).reverse();
  const panels = parts.map((part) => ({ part, ...panelOf(viz, graph, part) }));
  const width = Math.max(...panels.map((panel) => panel.width)) + 2 * MARGIN;
  let y = HEAD + MARGIN;
  const drawn = panels.map(({ part, body, frame, width: across, height }) => {
    const top = y;
    y += height + GAP + 22;
    const files = [...graph.keys()].filter((path) => partOf(path) === part).length;
    return `<text x="${MARGIN}" y="${top + 4}" font-size="17" font-weight="600" fill="${INK.text}">${part}/</text>
<text x="${MARGIN + 90}" y="${top + 4}" font-size="12" fill="${INK.soft}">${files} files; ${
      acrossText(graph, part)
    }</text>
<svg x="${MARGIN}" y="${top + 14}" width="${across}" height="${height}" viewBox="${frame}">
${body}</svg>`;
  });
  const imports = [...graph.values()].flat().length;
  const about =
    `${graph.size} files, ${imports} imports, those of types counted. Each file stands above all that it imports within its part; what follows from other arrows is not drawn.`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="${FONT}">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${MARGIN}" y="${MARGIN + 14}" font-size="20" font-weight="600" fill="${INK.text}">${titleOf(graph)}</text>
<text x="${MARGIN}" y="${MARGIN + 34}" font-size="12" fill="${INK.soft}">${about}</text>
${drawn.join('\n')}
</svg>
`;
}

export function titleOf(graph: Graph): string {
  const count = circlesOf(graph).length;
  return count === 0
    ? 'No file imports itself by way of others'
    : `${count} ${count === 1 ? 'circle' : 'circles'} of files that import each other, in red`;
}
