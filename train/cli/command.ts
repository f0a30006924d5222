/** What sub-commands are made of, and what several of them share. */
import { type ArgsDef, type CommandDef, defineCommand } from 'citty';
import { SYSTEM_NAMES, type SystemName } from '../../model/systems/config.ts';
import { loadConfig } from '../run/config.ts';
import { writable } from './file_names.ts';
import type { Flags, Words } from './flags.ts';

/** What a sub-command is made of: what citty parses and prints, and what it does. */
export interface Command {
  readonly definition: CommandDef;
  readonly args: ArgsDef;
  /** Whole command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Further text below the examples. */
  readonly notes?: () => string;
  readonly positionals: Words;
  /** Whether several processes of a launcher do it together. */
  readonly isShared?: boolean;
  run(flags: Flags): Promise<number>;
}

/** Some of them, by name. */
export type Commands = Readonly<Record<string, Command>>;

export function command(name: string, description: string, body: Omit<Command, 'definition'>): Command {
  const args = { ...body.args,
    debug: { type: 'boolean', description: 'show where an error came from' } } satisfies ArgsDef;
  return { ...body, args, definition: defineCommand({ meta: { name, description }, args }) as CommandDef };
}

/** Flags that stand for a key of the configuration, by command. */
const SHORTCUTS = {
  train: { epochs: 'train.epochs', lr: 'optim.lr', batch: 'train.batch', seed: 'run.seed',
    precision: 'train.precision' },
  evaluate: { batch: 'run.evaluationBatch', precision: 'train.precision' },
  plan: { epochs: 'train.epochs', lr: 'optim.lr', batch: 'train.batch', precision: 'train.precision' },
} as const;
type Configured = keyof typeof SHORTCUTS;

const HINTS: Readonly<Record<string, string>> = { lr: 'rate', precision: 'f32|f16' };

/** Flags of a command that takes a configuration. */
export const configFlags = (command: Configured): ArgsDef => ({
  ...Object.fromEntries(
    Object.entries(SHORTCUTS[command]).map((
      [name, key],
    ) => [name, { type: 'string', valueHint: HINTS[name] ?? 'n', description: key } as const]),
  ),
  set: { type: 'string', valueHint: 'key=value', description: 'any key of the configuration; may be repeated' },
});

/** The configuration that a command names, with what its flags say. */
export function configOf(command: Configured, flags: Flags, file = flags.words[0]) {
  const shortcuts = Object.entries(SHORTCUTS[command]).flatMap(([name, key]) => {
    const value = flags.text(name);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  return loadConfig(file, [...shortcuts, ...flags.all('set')]);
}

/** The system that a checkpoint is to be taken for. */
export const SYSTEM_FLAG = { type: 'string', valueHint: 'system',
  description: `take the checkpoint for another system than it is: ${SYSTEM_NAMES.join(', ')}` } as const;
/** The system that a flag names; undefined: the one that the checkpoint is of. */
export const systemOf = (flags: Flags): SystemName | undefined =>
  flags.text('system') === undefined ? undefined : flags.oneOf('system', SYSTEM_NAMES);

/** A file or folder that a flag names, to be written. */
export function writableOf(flags: Flags, name: string): string | undefined {
  const path = flags.text(name);
  return path === undefined ? undefined : writable(path);
}
