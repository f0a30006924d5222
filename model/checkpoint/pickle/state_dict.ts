/** Where the tensors of a model lie in what a training program saved beside them. */
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { shown } from '../../../engine/shown.ts';
import { described, Global, Inert, PickledTensor, type Value } from './values.ts';

/** Keys under which programs keep the tensors of a model, the surest first. */
const KEYS = ['model', 'state_dict', 'model_state', 'model_state_dict', 'module'];
/** What DataParallel puts before every name. */
const PARALLEL = 'module.';
/** Under which our own files keep texts, such as a configuration. */
export const METADATA = 'firstlight';
const MOST_ENTRIES = 100_000;
const MOST_LEVELS = 64;

/** The members of a model: tensors, and objects in the place of one. */
export interface StateDict {
  readonly entries: ReadonlyMap<string, PickledTensor | Inert>;
  /** Where they lay, in words. */
  readonly where: string;
  /** What was saved beside them and is not read, each in words: optimisers, logs. */
  readonly beside: readonly string[];
}

/** The tensors by name that a pickle holds, alone or beside what else was saved. */
export function stateDictOf(file: string, root: Value, isScript: boolean): StateDict {
  const found = isScript ? moduleTensors(file, root) : dictTensors(root);
  const names = found === undefined ? [] : [...found.entries.keys()];
  if (found === undefined || names.length === 0) {
    throw new CheckpointFormatError('NoTensors', file,
      `holds ${contentsOf(root)}, expected tensors by name, alone or under ${KEYS.join(', ')}`);
  }
  if (names.length > MOST_ENTRIES) {
    throw new CheckpointFormatError('TooManyTensors', file, `lists more than ${MOST_ENTRIES} tensors`);
  }
  if (!names.every((name) => name.startsWith(PARALLEL))) return found;
  return { ...found, where: `${found.where}, each name behind ${PARALLEL}`,
    entries: new Map([...found.entries].map(([name, value]) => [name.slice(PARALLEL.length), value])) };
}

/** Texts that were saved beside the tensors, as our own files have them. */
export function metadataOf(root: Value): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of membersOf(membersOf(root)?.get(METADATA)) ?? []) {
    if (typeof key === 'string' && typeof value === 'string') texts.set(key, value);
  }
  return texts;
}

/** The members of a dict, or of what is a kind of dict. */
function membersOf(value: Value | undefined): ReadonlyMap<Value, Value> | undefined {
  if (value instanceof Map) return value;
  return value instanceof Inert && value.items.size > 0 ? value.items : undefined;
}

function dictTensors(root: Value): StateDict | undefined {
  const members = membersOf(root);
  if (members === undefined) return undefined;
  for (const key of KEYS) {
    const inner = membersOf(members.get(key));
    if (inner !== undefined && holdsTensors(inner)) {
      const others = [...members].filter(([name]) => name !== key && name !== METADATA);
      return { entries: tensorsOf(inner), where: `under ${key}`, beside: others.map(leftIn) };
    }
  }
  if (!holdsTensors(members)) return undefined;
  const entries = tensorsOf(members);
  const others = [...members].filter(([name]) => name !== METADATA && !entries.has(name as string));
  return { entries, where: 'at the top', beside: others.map(leftIn) };
}

/** A member that is not read, in words: with the names of all that Python would make of it. */
function leftIn([key, value]: readonly [Value, Value]): string {
  const names = namesIn(value);
  const by = names.length === 0 ? '' : `, of ${names.map((name) => shown(name)).join(', ')}`;
  return `${typeof key === 'string' ? shown(key, 40) : described(key)}: ${
    value instanceof Inert ? 'an object' : described(value)
  }${by}`;
}

/** Classes and functions that a value names, wherever in it: none of them was looked up, made or called. */
function namesIn(value: Value): string[] {
  const names = new Set<string>();
  const seen = new Set<Value>();
  const left = [value];
  while (left.length > 0) {
    const next = left.pop() as Value;
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof Global || next instanceof Inert) names.add(next.path);
    if (next instanceof Inert) left.push(next.state, next.items);
    // one by one: there may be more than fit as arguments
    if (Array.isArray(next) || next instanceof Set) { for (const each of next) left.push(each); }
    if (next instanceof Map) { for (const pair of next) left.push(pair[0], pair[1]); }
  }
  return [...names].sort();
}

function holdsTensors(members: ReadonlyMap<Value, Value>): boolean {
  for (const value of members.values()) if (value instanceof PickledTensor) return true;
  return false;
}

/** Numbers, texts and containers among tensors are left aside; an object may stand where a tensor is wanted. */
function tensorsOf(members: ReadonlyMap<Value, Value>): Map<string, PickledTensor | Inert> {
  const entries = new Map<string, PickledTensor | Inert>();
  for (const [name, value] of members) {
    if (typeof name === 'string' && (value instanceof PickledTensor || value instanceof Inert)) {
      entries.set(name, value);
    }
  }
  return entries;
}

/** The tensors that attributes of a module hold, and attributes of those, named as `state_dict()` names them. */
function moduleTensors(file: string, root: Value): StateDict {
  const entries = new Map<string, PickledTensor>();
  let visits = 0;
  const visit = (value: Value, prefix: string, level: number) => {
    if (!(value instanceof Inert && value.state instanceof Map)) return;
    // modules may share others: what names what is counted, so that few bytes do not make names without end
    if (++visits > MOST_ENTRIES || level > MOST_LEVELS) {
      throw new CheckpointFormatError('TooDeep', file,
        `its modules hold one another more than ${MOST_LEVELS} deep or ${MOST_ENTRIES} times`);
    }
    for (const [name, member] of value.state) {
      if (typeof name !== 'string') continue;
      if (member instanceof PickledTensor) entries.set(prefix + name, member);
      else visit(member, `${prefix}${name}.`, level + 1);
    }
  };
  visit(root, '', 1);
  return { entries, where: 'in the module', beside: [] };
}

/** What a pickle holds in place of tensors. */
function contentsOf(root: Value): string {
  const members = membersOf(root);
  if (members === undefined) return described(root);
  const told = [...members].slice(0, 8).map(([key, value]) =>
    `${typeof key === 'string' ? shown(key, 40) : described(key)}: ${described(value)}`
  );
  return `${described(root)} (${told.join(', ')}${members.size > told.length ? ', …' : ''})`;
}
