import type { I420Frame } from '../../kernels/frames/i420.ts';
import type { Batch } from '../data/loading/dataset.ts';
import { type Order, orderOfEpoch } from '../data/loading/order.ts';
import type { View } from '../data/views/view.ts';
import type { BatchSource } from '../recipe/run_loop.ts';
import { classesOf, clipOf, type ClipPart } from './samples.ts';
import { SEEN, SIDE } from './scenes.ts';

/** Samples of a list, each drawn when its turn comes. */
export interface DrawnList {
  /** Label of each sample. */
  readonly labels: readonly number[];
  /** The frames of a sample. */
  readonly draw: (place: number) => readonly I420Frame[];
}

/** The clips of a part of *Moving shapes*, of which a label is the place of a class among those that are trained. */
export function drawnClips(part: ClipPart, seed: number, count: number): DrawnList {
  const classes = classesOf(part, seed, count);
  return { labels: classes.map((id) => SEEN.indexOf(id)), draw: (place) => clipOf(part, seed, place, classes[place]) };
}

/** All of a picture, as it is. */
const WHOLE: View = { frames: [], crop: { x: 0, y: 0, width: SIDE, height: SIDE }, flip: false };

/** Samples at some places of a list. */
export function batchAt({ labels, draw }: DrawnList, places: Int32Array): Batch {
  return { frames: Array.from(places, draw).flat(), views: Array.from(places, () => WHOLE),
    labels: places.map((place) => labels[place]), indices: places, bad: [] };
}

/** Batches of one micro-batch a step, drawn in the order in which `Dataset` reads the same samples from files. */
export class DrawnBatches implements BatchSource<Batch> {
  readonly stepsPerEpoch: number;
  readonly #list: DrawnList;
  readonly #options: { readonly seed: number; readonly batch: number;
    readonly order?: Order<{ readonly label: number }> };
  /** Of the epoch of the last step. */
  #order: { readonly epoch: number; readonly places: Int32Array } | undefined;

  constructor(list: DrawnList,
    options: { readonly seed: number; readonly batch: number; readonly order?: Order<{ readonly label: number }> }) {
    this.#list = list;
    this.#options = options;
    this.stepsPerEpoch = Math.floor(list.labels.length / options.batch);
  }

  async read(step: number): Promise<Batch> {
    const { seed, batch, order } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (this.#order?.epoch !== epoch) {
      const entries = this.#list.labels.map((label) => ({ label }));
      this.#order = { epoch, places: orderOfEpoch(seed, epoch, entries, order) };
    }
    const first = (step % this.stepsPerEpoch) * batch;
    return batchAt(this.#list, this.#order.places.slice(first, first + batch));
  }
}

/** Every sample once, in the order of the list; the last batch may be smaller. */
export async function* drawnOnce(list: DrawnList, batch: number): AsyncGenerator<Batch, void, undefined> {
  for (let first = 0; first < list.labels.length; first += batch) {
    const count = Math.min(batch, list.labels.length - first);
    yield batchAt(list, Int32Array.from({ length: count }, (_, i) => first + i));
  }
}
