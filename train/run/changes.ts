/** What may change between two parts of a run, and what it costs if it does. */
import { ConfigError } from '../../engine/errors.ts';
import { isObject } from '../../engine/json.ts';
import { configKeys } from './config_keys.ts';
import { withNewKeys } from './old_keys.ts';
import type { DataIdentity } from './run_data.ts';
import { Yaml } from './yaml.ts';

/** A key that has another value than before. */
export interface Change {
  readonly key: string;
  readonly before: string;
  readonly now: string;
}

/** What is told as it was, so that two parts of a run can be compared. */
export interface Described {
  /** As `formatConfig` gives it. */
  readonly config: string;
  readonly data: DataIdentity;
}

/** Where the data lies, and how it is read: what comes of it, names and clips, is compared by its content. */
const PLACES = ['data.train', 'data.val', 'data.labels', 'data.root', 'data.roots', 'data.format', 'data.split',
  'data.names', 'data.seen', 'data.unseenOnly', 'data.shots', 'data.shotSeed'];
/** How fast clips are decoded, and how many may be broken before a run stops. */
const DECODING = ['data.workers', 'data.ahead', 'data.cache', 'data.cacheGiB', 'data.maxBadShare'];
/** How a run is measured, not what its steps do. */
const MEASURING = ['data.templateMean'];
/** Only the start of a run depends on these; a run that goes on has its weights from a checkpoint. */
const START = ['model.checkpoint', 'model.vision', 'model.init.mitPositions', 'model.init.mitWeights',
  'model.init.promptWeights', 'model.init.positions', 'model.init.weights'];
/** The length of a run, and with it the schedule from here on. */
const LENGTH = ['train.epochs', 'train.steps', 'train.warmupEpochs', 'train.warmupSteps'];
/** The shape of what was saved. */
const FIXED = ['model.system', 'model.messages', 'model.integration', 'model.prompts', 'model.preset', 'data.frames',
  'data.size', 'optim.name'];

/** Whether a key may change without being asked for: it changes no bit of any step, or says how many there are. */
export function isFree(key: string): boolean {
  return [...PLACES, ...DECODING, ...MEASURING, ...START, ...LENGTH].includes(key) ||
    (key.startsWith('run.') && key !== 'run.seed');
}

/** Whether ranks of one run may have other values: where it starts from, and how clips are decoded. */
export const mayDiffer = (key: string): boolean => [...DECODING, 'model.checkpoint', 'model.vision'].includes(key);

/** All keys with another value, in the order of the configuration; a key that is new since had what runs did then. */
export function changesBetween(before: Described, now: Described): Change[] {
  const [old, current] = [before, now].map(({ config }) => plainOf(config));
  const ofConfig = configKeys.filter(({ key, isSection }) => !isSection && !PLACES.includes(key)).flatMap(
    ({ key, before: meant }) => {
      const own = read(old, key);
      return changeOf(key, textOf(own === undefined ? meant : own), textOf(read(current, key)));
    },
  );
  const ofData = [...new Set([...Object.keys(before.data), ...Object.keys(now.data)])].flatMap((key) =>
    changeOf(key, before.data[key] ?? 'none', now.data[key] ?? 'none')
  );
  return [...ofConfig, ...ofData];
}

/** A configuration as a state keeps it. */
function plainOf(config: string): unknown {
  const { value, problems } = new Yaml(config);
  if (problems.length > 0) throw new ConfigError('the configuration that the checkpoint keeps', problems);
  return isObject(value) ? withNewKeys(value) : value;
}

const changeOf = (key: string, before: string, now: string) => (before === now ? [] : [{ key, before, now }]);

const textOf = (value: unknown) => JSON.stringify(value ?? null);

function read(config: unknown, key: string): unknown {
  return key.split('.').reduce((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], config);
}

/** One line for people. */
export const changeLine = ({ key, before, now }: Change) => `${key}: was ${before}, is now ${now}`;

/**
 * Refuses what would make the run another one, unless it is meant: data with another content, and keys that are not
 * free.
 *
 * @param allowed keys that may change because a person says so
 * @throws ConfigError with all of them, each with its old and its new value
 */
export function refuseChanges(changes: readonly Change[], allowed: readonly string[], where: string): void {
  const isData = ({ key }: Change) => PLACES.includes(key);
  const refused = changes.filter((change) =>
    FIXED.includes(change.key)
    || (!allowed.includes(change.key) && (isData(change) || !isFree(change.key)))
  );
  if (refused.length === 0) return;
  const fixed = refused.filter(({ key }) => FIXED.includes(key));
  const meant = refused.map(({ key }) => `--allow-change ${key}`).join(' ');
  throw new ConfigError(where, ['the run was begun otherwise', ...refused.map((change) => `  ${changeLine(change)}`)],
    fixed.length > 0
      ? `${fixed.map(({ key }) => key).join(', ')} cannot change in a run; begin another one in another folder`
      : `go on with what it was, or, if it is meant, with ${meant}`);
}
