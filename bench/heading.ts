/** How a page of measurements begins: what was measured, where, and by which command. */
import type { Heading } from './result_text.ts';
import { markdownTable } from '../train/log/table.ts';

/** A file of results and what else is to be said of it, as a table. */
export function headingTable({ environment, commit, date, command }: Heading,
  more: Readonly<Record<string, string>> = {}): string {
  const typed = command.replace(/ --json \S+/, '').replace(/ --$/, ''); // where it wrote the results is no part of it
  const versions = Object.entries(environment.versions).map(([name, version]) => `${name} ${version}`);
  const facts = { machine: environment.machine, versions: versions.join(', '),
    commit: `${commit}, ${date.slice(0, 10)}`, command: `\`${typed}\``, ...more };
  return markdownTable(['adapter', environment.adapter], Object.entries(facts).map(([name, value]) => [name, value]));
}

/** Stands at the top of every such page. */
export const MADE = '<!-- Made by `npm run bench -- --pages FOLDER`. Do not edit: measure again. -->';
