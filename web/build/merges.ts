/** CLIP's list of merges as a module: a page loads it only for a checkpoint without a tokenizer. */
import { shippedMerges } from '../../model/tokenizer.node.ts';

const NAME = 'virtual:clip_merges';
const RESOLVED = `\0${NAME}`;

/** A plugin for Vite: `import { merges } from 'virtual:clip_merges'`. */
export function mergesModule() {
  return {
    name: 'firstlight-merges',
    resolveId: (id: string): string | undefined => (id === NAME ? RESOLVED : undefined),
    load: async (id: string): Promise<string | undefined> =>
      id === RESOLVED ? `export const merges = ${JSON.stringify(await shippedMerges())};\n` : undefined,
  };
}
