/** What came of a clip: the most probable labels, and what the model saw. */
import { element } from '../pages/dom.ts';
import type { Seen, Ranked } from './protocol.ts';

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Labels with their probabilities, as bars. */
export function rankingView(ranking: readonly Ranked[]): HTMLElement {
  return element('ol', { className: 'ranking' }, ...ranking.map(({ label, probability }) => {
    const bar = element('i', { 'aria-hidden': 'true' });
    bar.style.setProperty('--share', String(probability));
    return element('li', { 'data-probability': String(probability) }, element('bdi', {}, label),
      element('span', {}, percent(probability)), bar);
  }));
}

/** The frames as the model saw them, and what of the pictures that was. */
export function seenView(
  { name, frames: { width, height, count, rgb }, crop, picture, total, isExact }: Seen,
): HTMLElement {
  const size = width * height * 3;
  const frames = Array.from({ length: count }, (_, i) => {
    const canvas = element('canvas', { width, height, role: 'img', ariaLabel: `frame ${i + 1} of ${count}` });
    const image = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      image.data.set(rgb.subarray(i * size + 3 * pixel, i * size + 3 * pixel + 3), 4 * pixel);
      image.data[4 * pixel + 3] = 255;
    }
    canvas.getContext('2d')?.putImageData(image, 0, 0);
    return canvas;
  });
  const [side, left, top] = [crop.width, crop.x, crop.y].map(Math.round);
  return element('figure', {}, element('div', { className: 'frames' }, ...frames),
    element('figcaption', {}, element('bdi', {}, name),
      `: what the model saw, ${count} of ${total} frames, of each of ${picture.width} × ${picture.height} pixels the square of ${side} from ${left} across and ${top} down.${
        isExact
          ? ''
          : ' This browser gives pictures as RGB alone: they are close to those that Node decodes, and not the same bit for bit.'
      }`));
}
