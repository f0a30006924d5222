import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { z } from 'zod';
import { ConfigError } from '../../engine/errors.ts';
import { reasonOf } from '../../engine/file_error.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { nearest } from '../../engine/nearest.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import { portable } from '../data/sets/portable.ts';
import { configKeys, PATHS, schema, type TrainConfig } from './config_keys.ts';
import { contradictions, type Problem } from './contradictions.ts';
import { withNewKeys } from './old_keys.ts';
import { lowerFirst, Yaml } from './yaml.ts';

/**
 * Reads a YAML configuration and lays overrides over it. Paths come back absolute.
 * @param overrides `key=value` each, with dotted keys and YAML values, e.g. `optim.lr=1e-4`
 * @throws ConfigError with all problems at once, each with its line and column
 */
export function loadConfig(file: string, overrides: readonly string[] = []): TrainConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : reasonOf(cause);
    throw new ConfigError(file, [reason], 'see train/configs/ for one to start from');
  }
  return parseConfig(text, file, overrides);
}

/** As `loadConfig`, on text; `file` names it in messages and is where its paths start. */
export function parseConfig(text: string, file: string, overrides: readonly string[] = []): TrainConfig {
  const yaml = new Yaml(text);
  if (yaml.problems.length > 0) {
    throw new ConfigError(file, listed(yaml.problems, yaml.problems.length),
      'this is not valid YAML; indent with spaces, and quote texts that hold ": " or "#"');
  }
  if (!isObject(yaml.value ?? {})) {
    throw new ConfigError(file, ['expected sections such as "data:" and "optim:"'],
      'see train/configs/ for one to start from');
  }
  let plain = withPaths((yaml.value ?? {}) as JsonObject, dirname(resolve(file)));
  const fromFlags = new Set<string>();
  for (const override of overrides) {
    const { key, value } = overrideOf(override);
    plain = replaced(plain, key.split('.'), value);
    fromFlags.add(key);
  }

  plain = withNewKeys(plain);

  const result = schema.safeParse(plain);
  const issues = result.success ? contradictions(result.data).map((problem) => [problem]) : result.error.issues.map(
    (issue) => explain(issue, plain),
  );
  const count = result.success ? issues.length : countOf(result.error.issues);
  if (count > 0) {
    const problems = issues.flat().map(({ at, text: problem }) => {
      const key = at.join('.');
      if (fromFlags.has(key)) return { offset: Infinity, line: `--set ${key}: ${problem}` };
      const offset = yaml.offsetOf(at);
      return { offset: offset ?? -1,
        line: `${offset === undefined ? '' : `${yaml.place(offset)}: `}${shown(key)}: ${problem}` };
    });
    throw new ConfigError(file, listed(problems.sort((a, b) => a.offset - b.offset).map(({ line }) => line), count),
      '`firstlight train --help` lists every key');
  }
  return result.data as TrainConfig;
}

/** Problems of one kind that are explained: a text of nothing but wrong keys has thousands. */
const MOST_EXPLAINED = 50;

/** One problem stands behind the file's name; more stand below it, a line each. @param count how many there are */
function listed(problems: readonly string[], count: number): readonly string[] {
  if (count === 1) return problems;
  const told = problems.slice(0, MOST_EXPLAINED);
  const more = count > told.length ? [`  … and ${count - told.length} more`] : [];
  return [[`${count} problems`, ...told.map((problem) => `  ${problem}`), ...more].join('\n')];
}

/** A configuration whose paths start at the folder of its file. */
function withPaths(plain: JsonObject, folder: string): JsonObject {
  return PATHS.reduce((config, key) => {
    const at = key.split('.');
    const value = read(config, at);
    return value === undefined ? config : replaced(config, at, absolute(value, (path) => resolve(folder, path)));
  }, plain);
}

/** A path, or each of a list of paths, made absolute; anything else as it is. */
function absolute(value: unknown, resolved: (path: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => absolute(each, resolved));
  return typeof value === 'string' && value !== '' ? resolved(value) : value;
}

/** A copy with another value in one place; what is no section on the way there becomes one. */
function replaced(section: unknown, [name, ...rest]: readonly string[], value: unknown): JsonObject {
  const own = isObject(section) ? section : {};
  return { ...own, [name]: rest.length === 0 ? value : replaced(own[name], rest, value) };
}

/** Takes one `key=value` apart. */
function overrideOf(override: string): { readonly key: string; readonly value: unknown } {
  const equals = override.indexOf('=');
  if (equals < 1) throw new ConfigError(`--set ${override}`, ['expected key=value'], 'for example --set optim.lr=1e-4');
  const key = override.slice(0, equals).trim();
  const known = configKeys.find((candidate) => candidate.key === key);
  if (known === undefined) {
    throw new ConfigError(`--set ${key}`, [unknownKey(key)], '`firstlight train --help` lists every key');
  }
  if (known.isSection) {
    throw new ConfigError(`--set ${key}`, [`is a section; name one of its keys, such as ${childOf(key)}`]);
  }
  const raw = override.slice(equals + 1);
  const { value, problems: [problem] } = new Yaml(raw);
  if (problem !== undefined) {
    throw new ConfigError(`--set ${key}`, [`cannot read "${shown(raw)}" as a value: ${problem}`]);
  }
  return { key, value: PATHS.includes(key) ? absolute(value, (path) => resolve(path)) : value };
}

const childOf = (key: string) => configKeys.find((candidate) => candidate.key.startsWith(`${key}.`))?.key ?? key;

/** "is not a key; did you mean …": the same name in another section, or the nearest spelling. */
function unknownKey(key: string): string {
  const name = key.slice(key.lastIndexOf('.') + 1);
  const candidates = configKeys.map((known) => known.key);
  const sameName = candidates.find((known) => known.endsWith(`.${name}`));
  const guess = sameName ?? nearest(key, candidates) ?? byName(name, candidates) ?? byMeaning(name);
  return `is not a key${guess === undefined ? '' : `; did you mean ${guess}?`}`;
}

function byName(name: string, candidates: readonly string[]): string | undefined {
  const names = candidates.map((known) => known.slice(known.lastIndexOf('.') + 1));
  const guess = nearest(name, names);
  return guess === undefined ? undefined : candidates[names.indexOf(guess)];
}

/** `learningRate` → the key whose description speaks of a "learning rate". */
function byMeaning(name: string): string | undefined {
  const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[-_]/g, ' ').toLowerCase();
  return configKeys.find(({ isSection, description }) => !isSection && description.toLowerCase().startsWith(words))
    ?.key;
}

type Issue = z.core.$ZodIssue;

/** A schema issue in the words of a person who writes the file. */
function explain(issue: Issue, plain: JsonObject): Problem[] {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MOST_EXPLAINED).map((key) => ({ at: [...at, key],
      text: unknownKey([...at, key].join('.')) })
    );
  }
  const got = read(plain, at);
  if (got === undefined) return [{ at, text: `is missing: ${expected(issue)}` }];
  const guess = issue.code === 'invalid_value' && typeof got === 'string'
    ? nearest(got, issue.values.map(String))
    : undefined;
  return [{ at,
    text: `expected ${expected(issue)}, got ${shownValue(got, SHOWN)}${
      guess === undefined ? '' : `; did you mean ${guess}?`
    }` }];
}

/** How many problems some issues are. */
const countOf = (issues: readonly Issue[]) =>
  issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

function read(plain: unknown, at: readonly string[]): unknown {
  return at.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as JsonObject)[key]
      : undefined),
    plain,
  );
}

/** Letters of a wrong value that are told. */
const SHOWN = 60;

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return { int: 'a whole number', object: 'a section with keys', boolean: 'true or false', string: 'a text',
        number: 'a number', tuple: 'a list', array: 'a list' }[issue.expected as string] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    default:
      return lowerFirst(issue.message);
  }
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'string') return 'a text that is not empty';
  if (origin === 'array') return `a list of ${limit} numbers`;
  return `${origin === 'int' ? 'a whole number' : 'a number'} ${relation} ${limit}`;
}

/**
 * The whole configuration as YAML, defaults included, each key with its description: what a run folder keeps. The same
 * configuration gives the same text, and reading the text gives the same configuration.
 *
 * @param folder where the text will lie: paths start there where they can. Without it they are absolute
 */
export function formatConfig(config: TrainConfig, folder?: string): string {
  const lines: string[] = [];
  for (const { key, description, isSection } of configKeys) {
    const at = key.split('.');
    const indent = '  '.repeat(at.length - 1);
    const own = at.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], config);
    const value = folder !== undefined && PATHS.includes(key) ? portableOf(own, resolve(folder)) : own;
    if (isSection && at.length === 1 && lines.length > 0) lines.push('');
    const entry = isSection
      ? `${at.at(-1)}:`
      : stringify({ [at.at(-1) as string]: value }, { collectionStyle: 'flow', flowCollectionPadding: false,
        lineWidth: 0 }).trim().replace(/^\{(.*)\}$/s, '$1');
    lines.push(`${`${indent}${entry}`.padEnd(28)} # ${description}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A path, or each of a list of paths, as a run folder keeps it; anything else as it is. */
function portableOf(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((each) => portableOf(each, folder));
  return typeof value === 'string' ? portable(value, folder) : value;
}

/** A name for the run: the file's, without its ending. */
export const runName = (file: string) => basename(file).replace(/\.ya?ml$/i, '');
