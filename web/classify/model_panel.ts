/** The part of the page in which a model is chosen: from files, from Hugging Face, or one that is kept here. */
import type { FloatType } from '../../engine/dtype.ts';
import { size } from '../doctor/size.ts';
import { button, element, table } from '../pages/dom.ts';
import { chosenFiles, droppedFiles, takesDrops } from './dropped.ts';
import type { ClassifyLook, KeptModel, ModelSource, Needs, Opened } from './protocol.ts';

/** What is done with what a person chooses. */
export interface ModelActions {
  open(source: ModelSource): void;
  load(precision: FloatType, keep: boolean): void;
  forget(name: string): void;
}

export class ModelPanel {
  readonly #actions: ModelActions;
  readonly #hub: string;
  readonly #kept = element('div');
  readonly #card = element('div');
  readonly #name = element('input', { type: 'text', id: 'model-name', autocomplete: 'off', spellcheck: false,
    placeholder: 'microsoft/xclip-base-patch32' });

  /** @param hub address of Hugging Face */
  constructor(host: HTMLElement, hub: string, actions: ModelActions) {
    this.#actions = actions;
    this.#hub = hub;
    const folder = element('input', { type: 'file', id: 'model-folder', webkitdirectory: true });
    const files = element('input', { type: 'file', id: 'model-files', multiple: true,
      accept: '.safetensors,.json,.txt,.zip,.pth,.pyth,.pt,.bin' });
    for (const input of [folder, files]) input.addEventListener('change', () => this.#take(chosenFiles(input)));
    const form = element('form', { className: 'choose' },
      element('label', { htmlFor: this.#name.id }, 'or a name on Hugging Face '), this.#name, ' ',
      element('button', { type: 'submit' }, 'Open'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.open({ kind: 'hub', hub, name: this.#name.value });
    });
    host.append(
      element('p', { className: 'hint' },
        'A folder as transformers or Firstlight writes it, one file of tensors, or a zip of such a folder. It can be dropped here.'),
      element('div', { className: 'choose' }, element('label', { htmlFor: folder.id }, 'a folder '), folder),
      element('div', { className: 'choose' }, element('label', { htmlFor: files.id }, 'or files '), files),
      form,
      this.#kept,
      this.#card,
    );
    takesDrops(host, (data) => void droppedFiles(data).then((dropped) => this.#take(dropped)));
  }

  #take(files: ReturnType<typeof chosenFiles>): void {
    if (files.length > 0) this.#actions.open({ kind: 'files', files });
  }

  /** What is kept on this device. */
  showKept(kept: readonly KeptModel[]): void {
    this.#kept.replaceChildren(
      ...kept.map(({ name, bytes }) =>
        element('p', { className: 'actions' }, 'Kept on this device: ', button(`${name}, ${size(bytes)}`, () =>
          this.#actions.open({ kind: 'hub', hub: this.#hub, name })), ' ', button(`Forget ${name}`, () =>
            this.#actions.forget(name)))
      ),
    );
  }

  clear(): void {
    this.#card.replaceChildren();
  }

  /** What a checkpoint is and needs, before it is loaded. @param isRemote it may be kept on this device */
  offer(opened: Opened, { adapter, kind }: ClassifyLook, isRemote: boolean): void {
    const { path, system, needs, limits, classes, warnings } = opened;
    const types = Object.keys(needs) as FloatType[];
    const precision = element('select', { id: 'precision' },
      ...types.map((type) => element('option', { value: type, disabled: needs[type]?.refusal !== undefined }, type)));
    const keep = element('input', { type: 'checkbox', id: 'keep' });
    const fits = types.filter((type) => needs[type]?.refusal === undefined);
    if (fits.length > 0) precision.value = fits[0];
    const load = button('Load it', () => this.#actions.load(precision.value as FloatType, keep.checked), true);
    load.disabled = fits.length === 0;
    this.#card.replaceChildren(
      element('div', { className: 'card', id: 'model-card' },
        element('p', {}, element('bdi', { className: 'name' }, path),
          `: ${system}, ${classes === undefined ? 'for any labels' : `with a head for ${classes.length} classes`}.`),
        table('needs', ['what it needs', ...types.map((type) => `stored as ${type}`), `${adapter}, a ${kind} adapter`],
          rowsOf(types.map((type) => needs[type] as Needs), limits, kind)), ...types.flatMap((type) => {
          const refusal = needs[type]?.refusal;
          return refusal === undefined ? [] : [element('p', { className: 'note wrong' }, `As ${type}: ${refusal}.`)];
        }), ...warnings.map((warning) => element('p', { className: 'note' }, warning)),
        element('p', { className: 'actions' }, load, ' ', element('label', {}, 'stored as ', precision),
          ...(isRemote ? [' ', element('label', {}, keep, ' keep it on this device')] : []))),
    );
  }
}

/** Where the processor does the work of a GPU, its memory is the machine's, of which Chromium tells up to 8 GiB. */
function memoryText(kind: ClassifyLook['kind']): string {
  const { deviceMemory } = navigator as { readonly deviceMemory?: number };
  return kind === 'software' && deviceMemory !== undefined
    ? `memory of this machine, ${deviceMemory} GiB or more`
    : 'a browser does not tell how much memory there is';
}

function rowsOf(needs: readonly Needs[], { buffer, binding }: Opened['limits'],
  kind: ClassifyLook['kind']): string[][] {
  const row = (name: string, of: (needs: Needs) => number,
    offered: string) => [name, ...needs.map((each) => each.refusal === undefined ? size(of(each)) : '–'), offered];
  return [
    row('weights', ({ weights }) => weights, memoryText(kind)),
    row('while it looks at a clip, beside them', ({ clip }) => clip, ''),
    row('the largest weight', ({ largest }) => largest, `${size(buffer)} at most, ${size(binding)} in one piece`),
  ];
}
