/** From files to a model: weights go to the GPU in pieces, so that beside them little memory is taken. */
import { type AnyTensor, CheckpointFormatError, copy, type Shape, Tensor } from '../../engine/index.ts';
import { PieceRooms } from './pieces.ts';
import { firstSpecial, fitHalves, tooLargeForHalf } from './special.ts';
import { checkWeights, type Demands, isSameShape, positionsOf, type Weights } from './weights.ts';

/** Bytes that may be on their way to the GPU, which takes the memory of those that it has not fetched. */
const MOST_UNDER_WAY = 32 * 2 ** 20;

/** What has parameters and buffers: a module. */
interface Holder {
  state(): Iterable<readonly [string, AnyTensor]>;
}

/**
 * Fills a model's parameters and buffers and returns their names. Names and shapes are checked first; a weight that is
 * not finite, that f16 has no room for where there is no master, or a variance below 0 is refused by name.
 */
export async function loadWeights(model: Holder, weights: Weights, demands: Demands = {}): Promise<readonly string[]> {
  const parameters = new Map(model.state());
  const present = checkWeights(parameters, weights, demands);
  const loading = new Loading(weights);
  for (const name of present) {
    const parameter = parameters.get(name);
    if (parameter !== undefined) await loading.fill(name, parameter);
  }
  const [tooLarge] = loading.tooLarge;
  if (tooLarge !== undefined) throw tooLargeForHalf(tooLarge);
  return present;
}

/** An official parameter; NaN and infinity are refused. */
export async function readFinite(weights: Weights, name: string, shape: Shape): Promise<Float32Array> {
  const values = await weights.read(name, shape);
  const place = firstSpecial(values);
  if (place < 0) return values;
  throw nonFinite(weights, name, values[place], place);
}

/** Some rows of an official table, one after another; NaN and infinity are refused. */
export async function readFiniteRows(weights: Weights, name: string, shape: Shape,
  places: readonly number[]): Promise<Float32Array> {
  const [, width] = shape;
  const rows = await weights.rows(name, shape, places);
  const at = firstSpecial(rows);
  if (at < 0) return rows;
  throw nonFinite(weights, name, rows[at], places[Math.floor(at / width)] * width + (at % width));
}

const nonFinite = ({ path }: Weights, name: string, value: number, place: number) =>
  new CheckpointFormatError('NonFinite', path, `holds ${value} at place ${place}`, name);

/** Statistics of batch norms, of which a root is taken. */
const VARIANCE = '.running_var';

function negative({ path }: Weights, name: string, values: Float32Array, at: number):
  | CheckpointFormatError
  | undefined {
  const place = values.findIndex((value) => value < 0);
  return place < 0 ?
    undefined :
    new CheckpointFormatError('OutOfRange', path,
      `holds ${values[place]} at place ${at + place}: no variance is below 0`, name);
}

const isFloat = (tensor: AnyTensor): tensor is Tensor => tensor.dtype === 'f32' || tensor.dtype === 'f16';

/** Parameters on their way, one after another. */
class Loading {
  readonly #weights: Weights;
  readonly #rooms = new PieceRooms();
  #underWay = 0;
  /** Names of parameters that are stored as f16, which has no room for what the files hold. */
  readonly tooLarge: string[] = [];

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /** What is stored as f16 is converted by the GPU: from its master, or else from a copy that is given up again. */
  async fill(name: string, parameter: AnyTensor): Promise<void> {
    if (isFloat(parameter)) await this.#fillFloats(name, parameter);
    else parameter.write(await this.#weights.counts(name, parameter.shape));
  }

  async #fillFloats(name: string, parameter: Tensor): Promise<void> {
    const { gpu, shape, master, dtype } = parameter;
    if (dtype === 'f32') return void await this.#write(name, parameter);
    const wide = master ?? Tensor.empty(gpu, shape, 'f32', name);
    try {
      const fits = await this.#write(name, wide);
      if (master === undefined && !fits) this.tooLarge.push(name);
      copy(wide, parameter);
    } finally {
      if (master === undefined) wide.dispose();
    }
  }

  /** Writes a parameter, and says whether f16 has room for all of it. @throws CheckpointFormatError NonFinite */
  async #write(name: string, target: Tensor): Promise<boolean> {
    let [at, fits] = [0, true];
    let refusal: CheckpointFormatError | undefined;
    for await (const values of this.#read(name, target.shape)) {
      if (!fitHalves(values)) {
        fits = false;
        const place = firstSpecial(values);
        // thrown behind the last piece: what is wrong with the file itself comes before that
        if (place >= 0) refusal ??= nonFinite(this.#weights, name, values[place], at + place);
      }
      if (name.endsWith(VARIANCE)) refusal ??= negative(this.#weights, name, values, at);
      using part = target.alias([values.length], at * target.elementBytes);
      part.write(values);
      at += values.length;
      this.#underWay += part.bytes;
      if (this.#underWay >= MOST_UNDER_WAY) {
        await target.gpu.sync();
        this.#underWay = 0;
      }
    }
    if (refusal !== undefined) throw refusal;
    return fits;
  }

  /** A parameter in pieces; positions of another number of frames or patches are made fit, all at once. */
  async *#read(name: string, shape: Shape): AsyncGenerator<Float32Array, void, undefined> {
    const weights = this.#weights;
    const positions = positionsOf(name);
    const [part] = weights.stored(name, shape).parts;
    const own = positions === undefined ? shape : weights.shapeOf(part) ?? shape;
    if (positions === undefined || isSameShape(own, shape)) yield* weights.pieces(name, shape, this.#rooms);
    else yield positions.fitted(await readFinite(weights, name, own), own, shape);
  }
}
