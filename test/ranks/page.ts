/** The page that `npm run ranks` writes, a section for each part and library. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Found } from './laboratory.ts';

/** Replaces the section with a title, or adds it at the end. */
export function withSection(page: string, { title, table }: Pick<Found, 'title' | 'table'>): string {
  const section = `## ${title}\n\n${table}\n`;
  const [head, ...sections] = page.split(/^(?=## )/m);
  const at = sections.findIndex((each) => each.startsWith(`## ${title}\n`));
  const all = at < 0 ? [...sections, section] : sections.with(at, section);
  return [head, ...all].map((each) => each.trimEnd()).join('\n\n') + '\n';
}

export function writeSection(file: string, found: Found): void {
  writeFileSync(file, withSection(existsSync(file) ? readFileSync(file, 'utf8') : '', found));
}
