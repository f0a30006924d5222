/** `npm run format`: writes every file of TypeScript and JavaScript in its form, and says which ones were not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, textOf } from './files.ts';
import { formatted, formattedFiles } from './format.ts';

const files = formattedFiles();
const changed = files.filter((path) => {
  const text = textOf(path);
  const wanted = formatted(path, text);
  if (wanted !== text) writeFileSync(join(ROOT, path), wanted);
  return wanted !== text;
});
for (const path of changed) console.log(path);
console.log(`${changed.length} of ${files.length} files changed`);
