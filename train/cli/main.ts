import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { type CommandDef, defineCommand, renderUsage } from 'citty';
import { launchedAs } from '../../engine/setup/launcher.mjs';
import { nearest } from '../../engine/nearest.ts';
import { commands } from './commands.ts';
import { exitCodeOf, explain } from './failure.ts';
import { flagsOf, UsageError } from './flags.ts';

/** Milliseconds that rank 0 has to tell what all ranks have found. */
const RANK_0_MS = 2000;

const root = defineCommand({
  meta: { name: 'firstlight', description: 'Trains and runs X-CLIP, a video-recognition model, on WebGPU' },
  subCommands: Object.fromEntries(Object.entries(commands).map(([name, { definition }]) => [name, definition])),
});

/** The help of a command, or of all. Colours only where a person looks. */
async function help(name?: string): Promise<string> {
  const chosen = name === undefined ? undefined : commands[name];
  const usage = chosen === undefined
    ? await renderUsage(root)
    : await renderUsage(chosen.definition, root as CommandDef);
  const examples = chosen?.examples ?? Object.values(commands).map((each) => each.examples[0]);
  const lines = examples.map(([line, purpose]) => (purpose === '' ? `  ${line}` : `  ${line}\n      ${purpose}`));
  const text = [usage.trimEnd().replace(/ +$/gm, ''), `EXAMPLES\n\n${lines.join('\n')}`,
    ...(chosen?.notes === undefined ? [] : [chosen.notes()])].join('\n\n');
  const isColoured = process.stdout.isTTY === true || process.env.FORCE_COLOR === '1';
  return `${isColoured ? text : stripVTControlCharacters(text)}\n`;
}

/** Of this program. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** @throws UsageError for a command that several processes would each run for themselves, into the same files */
function requireOneProcess(name: string): void {
  const { launcher, size = 1 } = launchedAs() ?? {};
  if (size === 1 || commands[name].isShared === true) return;
  const shared = Object.keys(commands).filter((each) => commands[each].isShared === true);
  throw new UsageError(`${name}: ${launcher} started ${size} processes, and one is needed`,
    `start it without a launcher; ${shared.join(', ')} are for several`);
}

/** Runs one command line and returns the exit code. Never throws. */
export async function main(raw: readonly string[]): Promise<number> {
  const [name, ...rest] = raw;
  const wanted = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  try {
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      process.stdout.write(await help(rest[0] !== undefined && Object.hasOwn(commands, rest[0]) ? rest[0] : undefined));
      return name === undefined ? 2 : 0;
    }
    if (name === '--version') {
      process.stdout.write(`firstlight ${packageVersion()}\n`);
      return 0;
    }
    if (!Object.hasOwn(commands, name)) {
      const guess = nearest(name, Object.keys(commands));
      throw new UsageError(`unknown command "${name}"`,
        `${guess === undefined ? '' : `did you mean ${guess}? `}Commands: ${Object.keys(commands).join(', ')}`);
    }
    if (wanted.includes('--help') || wanted.includes('-h')) {
      process.stdout.write(await help(name));
      return 0;
    }
    requireOneProcess(name);
    return await commands[name].run(flagsOf(name, commands[name].args, commands[name].positionals, rest));
  } catch (error) {
    if (error instanceof UsageError && (launchedAs()?.rank ?? 0) > 0) {
      await setTimeout(RANK_0_MS); // the command line is that of all ranks, and rank 0 tells of it
      return exitCodeOf(error);
    }
    process.stderr.write(explain(error, wanted.includes('--debug')));
    return exitCodeOf(error);
  }
}
