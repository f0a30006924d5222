/** Which clips of a file of features fit a text best. */
import { type Gpu, NonFiniteError, ShapeError } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { type System, textFeatures } from '../../model/systems/system.ts';
import { evaluationBatch } from '../protocols/batch.ts';
import type { FeatureFile } from './file.ts';
import { compareStored, cosinesOf } from './model.ts';

/**
 * model: the model's own comparison, whose logits are those of `predict`: X-CLIP changes a text for each video by what
 * its patches show. cosine: of unit features, without that.
 */
export const WAYS = ['model', 'cosine'] as const;
export type Way = (typeof WAYS)[number];

/** Rows whose cosines are taken at once. */
const ROWS_AT_ONCE = 4096;

/**
 * Scores [R, K] of all rows of a file against K texts.
 * @throws NonFiniteError: what is not finite has no order
 */
export async function scoresOf(gpu: Gpu, system: System, file: FeatureFile, texts: readonly string[],
  way: Way): Promise<Float32Array> {
  using features = textFeatures(gpu, system, texts);
  const [count, width] = features.shape;
  if (width !== file.width) {
    throw new ShapeError('search', `features of texts have ${width} numbers, those of ${file.path} have ${file.width}`);
  }
  const scores = new Float32Array(file.rows * count);
  const atOnce = way === 'cosine' ? ROWS_AT_ONCE : evaluationBatch(gpu, system.model, file.rows, count);
  for (let first = 0; first < file.rows; first += atOnce) {
    const rows = Math.min(atOnce, file.rows - first);
    const some = way === 'cosine'
      ? await cosinesOf(gpu, await file.floats('features', first, rows), features)
      : await compareStored(gpu, system, { rows, video: await file.floats('video', first, rows),
        patches: await file.floats('patches', first, rows) }, features);
    const flaw = some.findIndex((score) => !Number.isFinite(score));
    if (flaw >= 0) {
      const row = first + Math.floor(flaw / count);
      throw new NonFiniteError(
        `the score of row ${row}, ${shown(file.head.names[row])}, for "${texts[flaw % count]}",`,
      );
    }
    scores.set(some, first * count);
  }
  return scores;
}

/** The best rows for a text, of equal ones the first. @param scores [R, K]  @param text its place */
export function bestRows(scores: Float32Array, texts: number, text: number): number[] {
  const scoreOf = (row: number) => scores[row * texts + text];
  return Array.from({ length: scores.length / texts }, (_, row) => row).sort((a, b) => scoreOf(b) - scoreOf(a));
}

/** How names are found, and how clips are named. */
export interface Retrieval {
  /** Classes that have a row, and those of them whose best row is of the class. */
  readonly asked: number;
  readonly found: number;
  /** Rows whose best text is the name of their class. */
  readonly named: number;
}

/** @param scores [R, K] of the names of all classes  @param labels [R] */
export function retrievalOf(scores: Float32Array, labels: Int32Array, classes: number): Retrieval {
  const asked = Array.from({ length: classes }, (_, label) => label).filter((label) => labels.includes(label));
  const found = asked.filter((label) => labels[bestRows(scores, classes, label)[0]] === label).length;
  const named = labels.reduce((sum, label, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    return sum + Number(own.indexOf(own.reduce((a, b) => Math.max(a, b))) === label);
  }, 0);
  return { asked: asked.length, found, named };
}
