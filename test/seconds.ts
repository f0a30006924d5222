/** How long each file of tests took when it last ran here, by its name without `.test.ts`; for `npm run mutate`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const FOLDER = new URL('../.cache/', import.meta.url);
const FILE = new URL('test_seconds.json', FOLDER);

export type Seconds = Readonly<Record<string, number>>;

/** As far as it is known. */
export function keptSeconds(): Seconds {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Seconds;
  } catch {
    return {};
  }
}

export function keepSeconds(seconds: Seconds): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILE, JSON.stringify({ ...keptSeconds(), ...seconds }));
}
