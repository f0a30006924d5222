import { faultOfName, SeenNames } from '../data/sets/same_text.ts';
import { UsageError } from './flags.ts';

const HINT = 'for example --labels "juggling, playing the piano, surfing"';

/** What stands between commas: in quotes, which are doubled within, or up to the next comma, as `'tis the season`. */
const NAME = /\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^,"\s][^,]*|))\s*(,|$)/y;

/**
 * The names of `--labels`: separated by commas, spaces around them do not count. One that holds a comma, or begins with
 * a quote, stands in single or double quotes.
 * @throws UsageError if there are fewer than two, or two with the same text
 */
export function separateNames(text: string): string[] {
  const names: string[] = [];
  for (NAME.lastIndex = 0;;) {
    const start = NAME.lastIndex;
    const match = NAME.exec(text);
    if (match === null) {
      throw new UsageError(`--labels: expected a comma after the quoted name in ${JSON.stringify(text.slice(start))}`,
        HINT);
    }
    const [, double, single, plain, end] = match;
    const name = (double?.replaceAll('""', '"') ?? single?.replaceAll("''", "'") ?? plain).trim();
    if (name !== '') names.push(name);
    if (end === '') break;
  }
  const seen = new SeenNames<number>();
  for (const [i, name] of names.entries()) {
    const fault = faultOfName(name);
    if (fault !== undefined) throw new UsageError(`--labels: ${fault}`);
    const before = seen.add(name, i);
    if (before?.name === name) throw new UsageError(`--labels: the name "${name}" stands there twice`);
    if (before !== undefined) {
      throw new UsageError(`--labels: "${name}" is the same text to the tokenizer as "${before.name}"`,
        'case, spaces and forms of Unicode make no difference: leave one out');
    }
  }
  if (names.length < 2) throw new UsageError(`--labels: expected at least two names, got ${names.length}`, HINT);
  return names;
}
