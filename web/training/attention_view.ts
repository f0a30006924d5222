/** Who attends to whom in a clip, in pictures, and in tables for those who read. */
import { element, table } from '../pages/dom.ts';
import type { AttentionLayer, Seen } from './protocol.ts';

/** Up to which the two ways to the same numbers may differ. */
const TOLERANCE = 1e-5;
/** Between two frames, in their pixels; and how bright a patch stays that nobody attends to. */
const GAP = 2;
const LEAST = 0.15;

const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
const greatest = (values: Float32Array) => values.indexOf(Math.max(...values));

/** A clip and one layer of a model that looked at it. @param layer from 0 */
export function attentionView({ name, guess, probability, frames, side, layers, error }: Seen,
  layer: number): HTMLElement {
  const own = layers[layer];
  const heads = indices(own.heads);
  const isRight = error <= TOLERANCE;
  return element('div', { className: 'attention' },
    element('p', {}, `“${name}”. The model takes it for “${guess}” (${percent(probability)}).`),
    element('h4', {}, 'Class token to patches: the brighter, the more'),
    ...heads.map((head) => classFigure(own, head, frames, side)), element('h4', {}, 'Frames to frames: their messages'),
    own.ofMessages === undefined
      ? element('p', { className: 'hint' }, 'CLIP sees each frame alone: there are no messages in stage 1.')
      : element('div', { className: 'heads' },
        ...heads.map((head) => messageFigure(own, own.ofMessages as Float32Array, head))),
    element('details', {}, element('summary', {}, 'The same as tables'),
      ...heads.flatMap((head) => tablesOf(own, head))),
    element('p', { className: `hint ${isRight ? '' : 'missed'}`, 'data-checked': String(isRight) },
      `Step by step, softmax(q·kᵀ/√Dh)·v is ${isRight ? '' : 'not '}what the streaming kernel gives: of all layers, `
        + `heads and tokens they differ by ${error.toExponential(1)} at most.`));
}

/** Whom the class token of a frame attends to. */
function classRow({ heads, tokens, ofClasses }: AttentionLayer, frame: number, head: number): Float32Array {
  const row = (frame * heads + head) * tokens;
  return ofClasses.subarray(row, row + tokens);
}

/** The patches of it, row by row. */
const patchesOf = (layer: AttentionLayer, frame: number, head: number) =>
  classRow(layer, frame, head).subarray(1, 1 + layer.patches);

/** Where a patch is, in words. */
function placeOf(patch: number, { patches }: AttentionLayer): string {
  const columns = Math.sqrt(patches);
  return `row ${Math.floor(patch / columns) + 1}, column ${(patch % columns) + 1}`;
}

/** All frames side by side, each as bright as its class token attends to it. */
function classFigure(layer: AttentionLayer, head: number, frames: readonly Uint8Array[], side: number): HTMLElement {
  const most = Math.max(...frames.flatMap((_, frame) => [...patchesOf(layer, frame, head)]));
  const strongest = frames.map((_, frame) => {
    const patches = patchesOf(layer, frame, head);
    const patch = greatest(patches);
    return `frame ${frame + 1}: ${placeOf(patch, layer)}, ${percent(patches[patch])}`;
  });
  const canvas = element('canvas', { width: frames.length * (side + GAP) - GAP, height: side, role: 'img',
    'aria-label': `head ${head + 1}, the patch that each class token attends to most: ${strongest.join('; ')}` });
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const columns = Math.sqrt(layer.patches);
  frames.forEach((rgb, frame) => {
    const patches = patchesOf(layer, frame, head);
    const pixels = context.createImageData(side, side);
    for (let at = 0; at < side * side; at++) {
      const [row, column] = [Math.floor(at / side), at % side].map((place) => Math.floor((place * columns) / side));
      const light = LEAST + ((1 - LEAST) * patches[row * columns + column]) / most;
      for (let colour = 0; colour < 3; colour++) pixels.data[4 * at + colour] = rgb[3 * at + colour] * light;
      pixels.data[4 * at + 3] = 255;
    }
    context.putImageData(pixels, frame * (side + GAP), 0);
  });
  return element('figure', {}, element('figcaption', {}, `Head ${head + 1}; ${percent(most)} where it is brightest`),
    canvas);
}

/** A row for each frame that asks, a column for each that is asked. */
function messageFigure({ frames }: AttentionLayer, ofMessages: Float32Array, head: number): HTMLElement {
  const weights = ofMessages.subarray(head * frames * frames, (head + 1) * frames * frames);
  const most = Math.max(...weights);
  const strongest = indices(frames).map((frame) => {
    const row = weights.subarray(frame * frames, (frame + 1) * frames);
    return `frame ${frame + 1} to ${greatest(row) + 1}, ${percent(Math.max(...row))}`;
  });
  const canvas = element('canvas', { width: frames, height: frames, role: 'img',
    'aria-label': `head ${head + 1}, the frame that each frame attends to most: ${strongest.join('; ')}` });
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--series-1');
  weights.forEach((weight, at) => {
    context.globalAlpha = weight / most;
    context.fillRect(at % frames, Math.floor(at / frames), 1, 1);
  });
  return element('figure', {},
    element('figcaption', {}, `Head ${head + 1}: a row asks, a column is asked; ${percent(most)} at most`), canvas);
}

/** What the pictures show of a head, in numbers. */
function tablesOf(layer: AttentionLayer, head: number): HTMLElement[] {
  const { frames, patches, ofMessages } = layer;
  const classes = indices(frames).map((frame) => {
    const row = classRow(layer, frame, head);
    const own = row.subarray(1, 1 + patches);
    const patch = greatest(own);
    return [String(frame + 1), percent(row[0]), percent(own.reduce((a, b) => a + b)),
      ...(ofMessages === undefined ? [] : [percent(row[1 + patches])]),
      `${placeOf(patch, layer)}: ${percent(own[patch])}`];
  });
  const whose = `head ${head + 1}`;
  return [
    table(`${whose}, class tokens`, [`${whose}, frame`, 'itself', 'all patches',
      ...(ofMessages === undefined ? [] : ['its message']), 'most of all'], classes),
    ...(ofMessages === undefined ? [] : [
      table(`${whose}, messages`, [`${whose}, frame`, ...indices(frames).map((frame) => `to ${frame + 1}`)],
        indices(frames).map((
          frame,
        ) => [String(frame + 1),
          ...indices(frames).map((other) => percent(ofMessages[(head * frames + frame) * frames + other]))]
        )),
    ]),
  ];
}
