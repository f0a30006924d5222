/** Shows who attends to whom in a clip that a person chooses, of the model as it stands. */
import { button, element } from '../pages/dom.ts';
import { sentenceOf } from '../pages/sentence.ts';
import { attentionView } from './attention_view.ts';
import type { LessonPlan } from './lesson.ts';
import type { Seen } from './protocol.ts';

export class AttentionPanel {
  readonly host = element('section', { id: 'attention' });
  readonly #look: (place: number) => Promise<Seen>;
  readonly #clip = element('input', { type: 'number', min: '1', step: '1', value: '1' });
  readonly #layer = element('select');
  readonly #said = element('p', { className: 'hint', role: 'status' });
  readonly #view = element('div');
  #seen: Seen | undefined;
  #isLooking = false;

  /** @param look asks for a clip of those that the plan measures on */
  constructor({ testClips }: LessonPlan, look: (place: number) => Promise<Seen>) {
    this.#look = look;
    this.#clip.max = String(testClips);
    this.#layer.addEventListener('change', () => this.#draw());
    const show = () => void this.show();
    this.#clip.addEventListener('change', show);
    this.host.append(element('h3', {}, 'Who attends to whom'),
      element('p', { className: 'line' },
        element('label', {}, `clip, of ${testClips} that it is not trained on `, this.#clip), ' ',
        element('label', {}, 'layer ', this.#layer), ' ', button('Show', show)), this.#said, this.#view);
  }

  /** Asks again, where pictures are shown: the model has changed. */
  refresh(): void {
    if (this.#seen !== undefined) void this.show();
  }

  /** Asks for the pictures, and shows them. */
  async show(): Promise<void> {
    if (this.#isLooking || !this.#clip.reportValidity()) return;
    this.#isLooking = true;
    this.#said.textContent = 'Looking; while it trains, behind the step that it is at …';
    try {
      this.#seen = await this.#look(Number(this.#clip.value) - 1);
      this.#said.textContent = '';
      this.#draw();
    } catch (error) {
      this.#said.textContent = sentenceOf(error);
    } finally {
      this.#isLooking = false;
    }
  }

  #draw(): void {
    if (this.#seen === undefined) return;
    const { layers } = this.#seen;
    if (this.#layer.length !== layers.length) {
      this.#layer.replaceChildren(...layers.map((_, i) => element('option', { value: String(i) }, String(i + 1))));
      this.#layer.value = String(layers.length - 1);
    }
    this.#view.replaceChildren(attentionView(this.#seen, Number(this.#layer.value)));
  }
}
