import { part, ShapeError, Struct } from '../../engine/index.ts';
import { checkNotNegative, checkNumber } from '../shared/numbers.ts';
import { type Colouring, type Jitter, STEPS } from './colouring.ts';

/** The text that declares the rows of the table. */
export const steps = await part(import.meta.url, './parts/steps.wgsl');
const COLOURING = new Struct(steps, 'Colouring', 'u32', ['brightness', 'contrast', 'saturation', 'hue', 'order',
  'gray']);

/** Words of one row of the table. */
export const TABLE_COLUMNS = COLOURING.words;

const NO_JITTER: Jitter = { brightness: 1, contrast: 1, saturation: 1, hue: 0, order: [] };

/**
 * The table of what becomes of each frame, [F, TABLE_COLUMNS].
 * @throws FirstlightError FL_RANGE, or FL_SHAPE for a step that comes twice, naming the frame
 */
export function packColourings(colourings: readonly Colouring[]): Uint32Array {
  return COLOURING.packAll(colourings.map(({ jitter = NO_JITTER, gray }, i) => {
    const { brightness, contrast, saturation, hue, order } = jitter;
    for (const [name, factor] of Object.entries({ brightness, contrast, saturation })) {
      checkNotNegative('packColourings', `${name} of frame ${i}`, factor);
    }
    checkNumber('packColourings', `hue of frame ${i}`, hue);
    if (new Set(order).size !== order.length) {
      throw new ShapeError('packColourings', `a step of frame ${i} comes twice: ${order.join(', ')}`);
    }
    // the WGSL counts steps from 1
    const packed = order.reduce((sum, step, k) => sum + (STEPS.indexOf(step) + 1) * 16 ** k, 0);
    return { brightness, contrast, saturation, hue, order: packed, gray: gray ? 1 : 0 };
  }));
}
