/** Structs that the host writes and kernels read: numbers go by the names of fields, never by their positions. */
import type { HostArrays } from './dtype.ts';
import { FirstlightError, ShapeError } from './errors.ts';
import { type Field, fieldsOf, type Source } from './wgsl.ts';

/** Numbers for some fields. */
type Values = Readonly<Record<string, number>>;

/** What a struct is stored as: f32 if all of its fields are, else words, of which some may be the bits of an f32. */
type Stored = 'f32' | 'u32';

/** Structs by the text that declares them. */
const DECLARED = new WeakMap<Source, Struct<Stored, string>[]>();

/**
 * A struct of a WGSL text, as rows of it lie in a tensor: `array<Hyper>` is a tensor [rows, HYPER.words].
 *
 * A room names the fields that it writes. They are compared with the WGSL when the room is loaded, and with an edited
 * one when it is run, so that neither changes alone.
 */
export class Struct<D extends Stored, F extends string> {
  readonly name: string;
  readonly dtype: D;
  /** Numbers of a row. */
  readonly words: number;
  readonly #fields: readonly Field[];

  constructor(source: Source, name: string, dtype: D, names: readonly F[]) {
    this.name = name;
    this.dtype = dtype;
    this.#fields = this.#checked(source, names);
    this.words = this.#fields.length;
    DECLARED.set(source, [...(DECLARED.get(source) ?? []), this as Struct<Stored, string>]);
  }

  /** Throws where an edited text declares it otherwise than it is written. */
  check(edited: Source): void {
    const fields = this.#checked(edited, this.#fields.map(({ name }) => name));
    this.#fields.forEach(({ name, type }, i) => {
      if (fields[i].type === type) return;
      throw new FirstlightError('FL_STRUCT',
        `${edited.file}: struct ${this.name} has ${name}: ${fields[i].type}, the room writes ${type}`, {
        struct: this.name,
      }, 'keep the types of its fields');
    });
  }

  /** Its fields in a text. */
  #checked(source: Source, names: readonly string[]): readonly Field[] {
    const { name, dtype } = this;
    const fields = fieldsOf([source], name);
    const refuse = (what: string, hint: string): never => {
      throw new FirstlightError('FL_STRUCT', `${source.file}: struct ${name} ${what}`, { struct: name }, hint);
    };
    if (fields === undefined) throw refuse('is not there', 'declare it in the WGSL, or correct its name');
    const [have, want] = [fields.map((field) => field.name).join(', '), names.join(', ')];
    if (have !== want) {
      refuse(`has the fields ${have}, the room writes ${want}`, 'give both the same names in the same order');
    }
    const stored = fields.every(({ type }) => type === 'f32') ? 'f32' : 'u32';
    if (stored !== dtype) {
      refuse(`is stored as ${stored}, the room takes it for ${dtype}`, 'f32 where all fields are, else u32');
    }
    return fields;
  }

  /** A row as it is stored. Every field must be given, and none may be NaN. */
  pack(row: Readonly<Record<F, number>>): HostArrays[D] {
    return this.packAll([row]);
  }

  /** Rows one behind another. @param length rows in all; those that are not given are 0 */
  packAll(rows: readonly Readonly<Record<F, number>>[], length = rows.length): HostArrays[D] {
    const block = new ArrayBuffer(length * this.words * 4);
    packFields(this.name, 'field', this.#fields, rows, new DataView(block), this.words);
    return (this.dtype === 'f32' ? new Float32Array(block) : new Uint32Array(block)) as HostArrays[D];
  }

  /** The position of a field in a row, for what is read back. */
  at(field: F): number {
    return this.#fields.findIndex(({ name }) => name === field);
  }
}

/** Throws where an edited text declares a struct otherwise than the room writes it. */
export function checkStructs(edited: Source): void {
  for (const struct of (edited.written && DECLARED.get(edited.written)) ?? []) struct.check(edited);
}

/**
 * Writes rows of numbers in the order of the fields, in 32 bits each. Throws where one is missing, NaN, or does not
 * fit its type.
 *
 * @param owner whose numbers they are, and `what` errors call one  @param words from row to row
 */
export function packFields(
  owner: string,
  what: string,
  fields: readonly Field[],
  rows: readonly Values[],
  view: DataView,
  words: number,
): void {
  const refuse = (name: string, problem: string): never => {
    throw new ShapeError(owner, `${what} "${name}" is ${problem}`);
  };
  rows.forEach((values, row) =>
    fields.forEach(({ name, type }, i) => {
      const value = values[name];
      const at = (row * words + i) * 4;
      if (!Object.hasOwn(values, name)) refuse(name, 'not given');
      if (value === undefined || Number.isNaN(value)) refuse(name, `${value}`);
      if (type === 'f32') view.setFloat32(at, value, true);
      else {
        const least = type === 'u32' ? 0 : -(2 ** 31);
        if (!Number.isInteger(value) || value < least || value >= 2 ** 32) refuse(name, `${value}, not a ${type}`);
        view.setUint32(at, value >>> 0, true);
      }
    })
  );
}
