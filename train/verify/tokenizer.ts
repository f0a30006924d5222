import { z } from 'zod';
import { clipTokenizer } from '../../model/tokenizer.node.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

/** What the description must hold. */
export const schema = z.object({ cases: z.array(z.object({ text: z.string(), ids: z.array(z.number()) })) });

/** Every text's ids, with the vocabulary of `folder` or, without one, the one that comes with the packages. */
export async function verifyTokenizer(file: FixtureFile, folder: string | undefined): Promise<CheckResult[]> {
  const tokenizer = await clipTokenizer(folder);
  const comparison = new Comparison(file.name, 'token ids');
  for (const { text, ids } of file.described(schema).cases) {
    comparison.compare(JSON.stringify(text.slice(0, 40)), tokenizer.encode(text), ids, 0);
  }
  return [comparison.result()];
}
