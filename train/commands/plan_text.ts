/** How a plan is printed: names with their texts, and lengths of time. */
import { digits } from '../log/table.ts';

const NAME_COLUMN = 15;
/** Characters of a line behind its name. */
const TEXT_WIDTH = 90;

/** A name and its text, which goes on in further lines if it is long. */
export function line(name: string, text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== '' && last.length + 1 + word.length > TEXT_WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((each, i) => `  ${(i === 0 ? name : '').padEnd(NAME_COLUMN)} ${each}`).join('\n');
}

/** Days of a year, hours of a day, … and how much longer than one of it is told in it. */
const SPANS = [['years', 365.25 * 86400], ['days', 86400], ['hours', 3600], ['minutes', 60]] as const;

export function spanText(seconds: number): string {
  const [unit, length] = SPANS.find(([, each]) => seconds >= 2 * each) ?? ['seconds', 1];
  return `${digits(seconds / length)} ${unit}`;
}
