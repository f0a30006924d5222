/** The command line that asks a model of a clip, as a person pastes it. */
import { oneLine } from '../../engine/shown.ts';
import type { Wording } from '../../model/templates.ts';
import { shellWord } from '../log/shell_word.ts';

/** Names that it has for an example. */
const EXAMPLES = 3;
/** Where there is no clip, or one whose name no terminal should be shown. */
const ANY_CLIP = 'clip.mp4';

/** @param clip a file of the data set, if there is one */
export function predictLine(model: string, names: readonly string[], { templates, mean }: Wording,
  clip = ANY_CLIP): string {
  const words = templates === 'none' ? '' : ` --templates ${templates} --template-mean ${mean}`;
  return `npx firstlight predict ${shellWord(oneLine(clip) === clip ? clip : ANY_CLIP)} --checkpoint ${
    shellWord(model)
  } --labels ${shellWord(joinedNames(names.slice(0, EXAMPLES)))}${words}`;
}

/** Names as `--labels` takes them apart again. */
const joinedNames = (names: readonly string[]): string =>
  names.map((name) => (/^["']|,/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(', ');
