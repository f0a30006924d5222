/** `firstlight inspect`: what a file of tensors holds, what model it looks like, and what that lacks. */
import { CheckpointFormatError, estimate, FirstlightError, type Gpu, open } from '../../engine/index.ts';
import { printable, shown } from '../../engine/shown.ts';
import { configOf, type OpenWeights, warningsOf } from '../../model/checkpoint/checkpoint.ts';
import { openWeights } from '../../model/checkpoint/folder.node.ts';
import { ORIGINS } from '../../model/checkpoint/names/index.ts';
import type { TensorFile } from '../../model/checkpoint/open.ts';
import { compareWeights, type Difference, type NamedShape, type Weights } from '../../model/checkpoint/weights.ts';
import { architectureOf, configFor, isNetwork, type ModelConfig, textConfigOf,
  type TowerConfig } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import type { Part } from '../../model/systems/system.ts';
import { titleOf } from '../../model/systems/title.ts';
import { markdownTable } from '../log/table.ts';

/** All that is found out; `--json` prints it. */
export interface Inspection {
  readonly path: string;
  readonly formats: readonly string[];
  readonly names: string;
  readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  /** Numbers in the files, each counted once. */
  readonly numbers: number;
  readonly aside: readonly string[];
  /** What a pickle holds beside the tensors: it is neither read nor executed. */
  readonly beside: readonly string[];
  /** What the names and shapes, or a configuration, say; `problem` if they say nothing. */
  readonly model?: ModelConfig;
  readonly title?: string;
  readonly problem?: string;
  /** What is odd in its configuration, but may be meant. */
  readonly warnings?: readonly string[];
  /** What does not fit that model. */
  readonly difference?: Omit<Difference, 'present'>;
  /** Parameters of X-CLIP that it would start with, and how many would be drawn, by part. */
  readonly start?: { readonly held: number; readonly drawn: Readonly<Record<string, number>>;
    readonly missing: readonly string[];
    /** Whether it has no texts: it is for model.vision, beside a checkpoint that has. */
    readonly isOfPictures: boolean };
}

/** Prints what a checkpoint holds. Returns the exit status. */
export async function inspect(path: string, { json = false }: { json?: boolean } = {}): Promise<number> {
  const opened = await openWeights(path);
  try {
    await using gpu = await open();
    const inspection = await inspected(gpu, path, opened);
    console.log(json ? printable(JSON.stringify(inspection, null, 2)) : pageOf(inspection));
    return 0;
  } finally {
    await opened.close();
  }
}

/** Looks at a checkpoint. None of its tensors is read, and none is made. */
export async function inspected(gpu: Gpu, path: string, { weights, files, folder }: OpenWeights): Promise<Inspection> {
  const found = { path, formats: [...new Set(files.map(({ format }) => format))], names: ORIGINS[weights.origin].title,
    tensors: files.flatMap((file) => file.names().map((name) => told(file, name))), numbers: weights.size,
    aside: weights.aside, beside: weights.beside };
  try {
    const model = await configOf(folder, weights, files[0]);
    // a head is for classes of its own: no run starts from one
    const shapes = parametersOf(gpu, model).shapes.filter(([name]) => !name.startsWith('head.'));
    const { present: _, ...difference } = compareWeights(shapes, weights);
    return { ...found, model, title: titleOf(model), warnings: await warningsOf(folder, weights, model), difference,
      ...(model.system !== 'xclip' && !isNetwork(model) && { start: startOf(gpu, model, weights) }) };
  } catch (error) {
    if (!(error instanceof FirstlightError)) throw error;
    return { ...found, problem: error.message };
  }
}

/** A tensor of a file; in its place there may be an object of a pickle. */
function told(file: TensorFile, name: string): Inspection['tensors'][number] {
  try {
    const { dtype, shape } = file.entry(name);
    return { name, dtype, shape };
  } catch (error) {
    if (!(error instanceof CheckpointFormatError)) throw error;
    return { name, dtype: 'no tensor', shape: [] };
  }
}

/** The parameters of a model, which is built without taking memory. A head has a class where the file names none. */
function parametersOf(gpu: Gpu, config: ModelConfig): { shapes: NamedShape[]; parts: readonly Part[] } {
  let found: { shapes: NamedShape[]; parts: readonly Part[] } = { shapes: [], parts: [] };
  estimate(gpu, () => {
    const model = createModel(gpu, 'classes' in config && config.classes.length === 0
      ? { ...config, classes: ['?'] }
      : config);
    found = { shapes: [...model.state()].map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
      parts: model.parts };
  });
  return found;
}

/** What X-CLIP would start with. */
function startOf(gpu: Gpu, model: TowerConfig, weights: Weights): Inspection['start'] {
  const { shapes, parts } = parametersOf(gpu, configFor('xclip', architectureOf(model)));
  const newPart = (name: string) => parts.find(({ isNew, matches }) => isNew && matches(name))?.name;
  const isOfPictures = textConfigOf(model) === undefined;
  const { present, missing } = compareWeights(shapes, weights, {
    select: (name) => newPart(name) === undefined && (!isOfPictures || name.startsWith('visual.')),
  });
  const drawn: Record<string, number> = {};
  for (const [name] of shapes) {
    const part = newPart(name);
    if (part !== undefined) drawn[part] = (drawn[part] ?? 0) + 1;
  }
  return { held: present.length, drawn, missing, isOfPictures };
}

const grouped = (count: number) => count.toLocaleString('en-US');

/** What was found, as text. */
export function pageOf(found: Inspection): string {
  const types = new Map<string, number>();
  for (const { dtype } of found.tensors) types.set(dtype, (types.get(dtype) ?? 0) + 1);
  const line = (name: string, text: string) => `${name.padEnd(11)} ${text}`;
  const list = (name: string, entries: readonly string[] = []) =>
    line(name, entries.length === 0 ? 'nothing' : [String(entries.length), ...entries.map((entry) => shown(entry))]
      .join(`\n${' '.repeat(12)}`));
  const { difference, start } = found;
  return [
    markdownTable(['tensor', 'type', 'shape'],
      found.tensors.map(({ name, dtype, shape }) => [shown(name), shown(dtype), `[${shape}]`])),
    '',
    line('file', `${shown(found.path)}: ${found.formats.join('; ')}`),
    line('names', found.names),
    line('tensors',
      `${grouped(found.tensors.length)} of ${grouped(found.numbers)} numbers: ${
        [...types].map(([dtype, count]) => `${count} ${shown(dtype)}`).join(', ')
      }`),
    line('left aside', found.aside.map((name) => shown(name)).join(', ') || 'nothing'),
    ...(found.beside.length === 0 ? [] : [list('not read', found.beside)]),
    line('looks like', found.title ?? `no model that is known: ${found.problem}`),
    ...(found.warnings ?? []).map((warning) => line('warning', printable(warning))),
    ...(difference === undefined ?
      [] :
      [list('missing', difference.missing), list('unexpected', difference.unexpected),
        list('mismatched', difference.mismatched)]),
    ...(start === undefined ? [] : [
      line('for X-CLIP',
        `${start.held} parameters are here, ${
          Object.entries(start.drawn).map(([part, count]) => `${count} of ${part}`).join(', ')
        } are drawn`),
      ...(start.isOfPictures
        ? [line('', 'those of pictures: name it in model.vision, and in model.checkpoint a CLIP, which has the texts')]
        : []),
      ...(start.missing.length === 0 ? [] : [list('it lacks', start.missing)]),
    ]),
  ].join('\n');
}
