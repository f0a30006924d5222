/**
 * What a pickle becomes here: data, and nothing else. A class or a function that it names stays a name, and what Python
 * would make with it stays a note of that.
 */
import { shown } from '../../../engine/shown.ts';

/** Tuples are lists here: nothing needs to tell them apart. */
export type Value = null | boolean | number | bigint | string | Uint8Array | Value[] | Map<Value, Value> | Set<Value>
  | Global | Inert | Storage | PickledTensor;

/** A class or a function, by its name. It is never looked up. */
export class Global {
  readonly path: string;

  constructor(module: string, name: string) {
    this.path = `${module}.${name}`;
  }
}

/** What Python would make by the class or function of that name. Nothing was called. */
export class Inert {
  readonly path: string;
  /** Attributes that it would be given. */
  state: Value = null;
  /** Members that it would be given, where it is a kind of dict. */
  readonly items = new Map<Value, Value>();

  constructor(path: string) {
    this.path = path;
  }
}

/** How the numbers of a storage are stored. */
export interface ElementType {
  /** As safetensors calls it; undefined for one that is not read. */
  readonly dtype: string | undefined;
  /** As PyTorch calls it. */
  readonly name: string;
  readonly bytes: number;
}

/** Numbers of one type in a row. They lie outside of the pickle, under a key. */
export class Storage {
  readonly key: string;
  readonly type: ElementType;
  /** How many there are. */
  readonly count: number;
  /** Where they begin in what lies under the key, in elements: a part of it may be a storage of its own. */
  readonly first: number;

  constructor(key: string, type: ElementType, count: number, first = 0) {
    this.key = key;
    this.type = type;
    this.count = count;
    this.first = first;
  }
}

/** A view of a storage: element [i, j, …] lies at offset + i · strides[0] + j · strides[1] + … */
export interface Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A tensor, as a place. */
export class PickledTensor {
  readonly storage: Storage;
  readonly type: ElementType;
  readonly layout: Layout;

  constructor(storage: Storage, type: ElementType, layout: Layout) {
    this.storage = storage;
    this.type = type;
    this.layout = layout;
  }
}

/** What a value is, in words. */
export function described(value: Value): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Global) return `the name ${shown(value.path)}`;
  if (value instanceof Inert) return `an object that only Python could make, by ${shown(value.path)}`;
  if (value instanceof Storage) return 'a storage';
  if (value instanceof PickledTensor) return `a tensor of ${shown(value.type.name)}`;
  return typeof value === 'string'
    ? `the text "${shown(value, 40)}"`
    : `the ${typeof value} ${shown(String(value), 40)}`;
}
