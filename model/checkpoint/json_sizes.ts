/** What `config.json` files say: sizes, activations and classes. Problems are told in words, all of them at once. */
import { isObject, type JsonObject } from '../../engine/json.ts';
import { shownValue } from '../../engine/shown.ts';
import type { Activation } from '../../kernels/shared/activation.ts';

/** Names of transformers' ACT2FN for the activations that kernels have. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = { quick_gelu: 'quick_gelu', gelu: 'gelu', gelu_python: 'gelu',
  gelu_new: 'gelu_tanh', gelu_pytorch_tanh: 'gelu_tanh' };
/** How a `config.json` of ours calls them. */
export const ACTIVATION_NAMES: Readonly<Record<Activation, string>> = { quick_gelu: 'quick_gelu', gelu: 'gelu',
  gelu_tanh: 'gelu_pytorch_tanh' };

/**
 * Numbers by their keys; those that a file leaves out are as transformers has them.
 *
 * @param prefix of the keys, in words
 */
export function numbersOf<T extends Record<string, number>>(own: JsonObject, defaults: T, prefix: string,
  problems: string[]): T {
  const read: Record<string, number> = {};
  for (const [key, fallback] of Object.entries(defaults)) {
    const value = own[key] ?? fallback;
    if (typeof value !== 'number') problems.push(`${prefix}${key} must be a number, got ${shownValue(value)}`);
    read[key] = typeof value === 'number' ? value : fallback;
  }
  return read as T;
}

/** The activation that a key names. */
export function activationOf(own: JsonObject, key: string, fallback: string, prefix: string,
  problems: string[]): Activation {
  const wanted = own[key] ?? fallback;
  const known = typeof wanted === 'string' && Object.hasOwn(ACTIVATIONS, wanted) ? ACTIVATIONS[wanted] : undefined;
  if (known === undefined) {
    problems.push(`${prefix}${key} is ${shownValue(wanted)}, known are ${Object.keys(ACTIVATIONS).join(', ')}`);
  }
  return known ?? 'quick_gelu';
}

/** @param prefix of the key, in words */
export function requireColour(own: JsonObject, prefix: string, problems: string[]): void {
  if (own.num_channels !== undefined && own.num_channels !== 3) {
    problems.push(`${prefix}num_channels is ${shownValue(own.num_channels)}, only 3 is known`);
  }
}

/** Names of the classes of a head, in order: `id2label`, as transformers has it. */
export function classesOf({ id2label }: JsonObject, problems: string[]): string[] | undefined {
  if (id2label === undefined) return undefined;
  const names = isObject(id2label) ? Object.keys(id2label).map((_, id) => id2label[id]) : [undefined];
  const wrong = names.findIndex((name) => typeof name !== 'string');
  if (wrong < 0) return names as string[];
  problems.push(isObject(id2label)
    ? `id2label must have a text for each number from 0 on, "${wrong}" has ${shownValue(names[wrong])}`
    : `id2label must be an object, got ${shownValue(id2label)}`);
  return undefined;
}
