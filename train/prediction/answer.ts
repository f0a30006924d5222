/** What is said of a clip: a table for people, and JSON for programs. */
import type { FirstlightError } from '../../engine/errors.ts';
import { printable, shown } from '../../engine/shown.ts';
import type { Guess } from '../protocols/ranking.ts';

/** What is said of one file. */
export interface Answer {
  readonly file: string;
  readonly predictions: readonly { readonly label: string; readonly probability: number }[];
}

/** What is said of a file that nothing can be said of. */
export interface Refusal {
  readonly file: string;
  readonly error: { readonly code: string; readonly message: string };
}

/** The most probable names, `top` of them. */
export function answerOf(file: string, ranking: readonly Guess[], labels: readonly string[], top: number): Answer {
  return { file,
    predictions: ranking.slice(0, top).map(({ label, probability }) => ({ label: labels[label], probability })) };
}

export function refusalOf(file: string, { code, message }: FirstlightError): Refusal {
  return { file, error: { code, message } };
}

/** As `JSON.stringify`: the same value, whose text does nothing to a terminal. @param indent none: one line */
export const escapedJson = (value: unknown, indent?: number) => printable(JSON.stringify(value, null, indent));

const BAR = 30;

export function tableOf({ file, predictions }: Answer): string {
  const names = predictions.map(({ label }) => shown(label));
  const width = names.reduce((most, { length }) => Math.max(most, length), 0);
  const lines = predictions.map(({ probability }, i) =>
    `  ${(100 * probability).toFixed(1).padStart(5)} %  ${names[i].padEnd(width)}  ${
      '█'.repeat(Math.round(BAR * probability))
    }`.trimEnd()
  );
  return [shown(file), ...lines].join('\n');
}
