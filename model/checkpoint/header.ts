import { CheckpointFormatError } from '../../engine/errors.ts';
import { endOfString } from '../../engine/json.ts';
import { shown } from '../../engine/shown.ts';

/** A tensor as the header of a safetensors file describes it. Offsets count from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Bits of each element type that the format knows. */
export const DTYPE_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
};

const MAX_TENSORS = 100_000;
const MAX_RANK = 8;

/**
 * Reads the JSON header of a safetensors file with a scanner of its own: JSON.parse keeps the last of two equal keys in
 * silence and rounds integers over 2^53, and both have let one file be read in two ways.
 */
export function parseHeader(file: string, bytes: Uint8Array): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new CheckpointFormatError('InvalidUtf8', file, 'the header is not UTF-8');
  }
  return new HeaderScanner(file, text).header();
}

class HeaderScanner {
  readonly #file: string;
  readonly #text: string;
  #at = 0;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  header(): Header {
    const entries: TensorEntry[] = [];
    let metadata: ReadonlyMap<string, string> = new Map();
    if (this.#text[0] !== '{') this.#fail('InvalidStart', 'the header does not start with "{"');
    this.#object((name) => {
      if (name === '__metadata__') metadata = this.#strings();
      else if (entries.push(this.#tensor(name)) > MAX_TENSORS) {
        this.#fail('TooManyTensors', `the header lists more than ${MAX_TENSORS} tensors`);
      }
    });
    // the format pads headers with spaces to a multiple of 8
    if (/[^ ]/.test(this.#text.slice(this.#at))) {
      this.#fail('TrailingText', `the header goes on after its end, at character ${this.#at}`);
    }
    return { entries, metadata };
  }

  #tensor(name: string): TensorEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#object((key) => {
      if (key === 'dtype') dtype = this.#string();
      else if (key === 'shape') shape = this.#integers();
      else if (key === 'data_offsets') offsets = this.#integers();
      else this.#fail('UnknownField', `unknown field "${shown(key)}"`, name);
    });
    if (dtype === undefined || shape === undefined || offsets === undefined) {
      this.#fail('MissingField', 'dtype, shape and data_offsets must all be given', name);
    }
    if (!Object.hasOwn(DTYPE_BITS, dtype)) this.#fail('UnknownDtype', `unknown dtype "${shown(dtype)}"`, name);
    if (shape.length > MAX_RANK) {
      this.#fail('TooManyDimensions', `${shape.length} dimensions, at most ${MAX_RANK} are read`, name);
    }
    if (offsets.length !== 2) {
      this.#fail('InvalidOffsets', `data_offsets must be two numbers, got ${offsets.length}`, name);
    }
    return { name, dtype, shape, begin: offsets[0], end: offsets[1] };
  }

  #strings(): ReadonlyMap<string, string> {
    const strings = new Map<string, string>();
    this.#object((key) => strings.set(key, this.#string()));
    return strings;
  }

  /** An object; `member` reads the value of each key. */
  #object(member: (key: string) => void): void {
    this.#expect('{');
    const seen = new Set<string>();
    if (this.#peek() === '}') return this.#expect('}');
    for (;;) {
      const key = this.#string();
      if (seen.has(key)) this.#fail('DuplicateKey', `the key "${shown(key)}" stands twice in one object`);
      seen.add(key);
      this.#expect(':');
      member(key);
      if (this.#peek() === '}') return this.#expect('}');
      this.#expect(',');
    }
  }

  #integers(): number[] {
    const values: number[] = [];
    this.#expect('[');
    if (this.#peek() === ']') {
      this.#expect(']');
      return values;
    }
    for (;;) {
      values.push(this.#integer());
      if (this.#peek() === ']') {
        this.#expect(']');
        return values;
      }
      this.#expect(',');
    }
  }

  #integer(): number {
    this.#peek();
    const digits = /^(?:0|[1-9]\d*)(?![\d.eE])/.exec(this.#text.slice(this.#at, this.#at + 32))?.[0];
    const value = Number(digits);
    if (digits === undefined || !Number.isSafeInteger(value)) {
      this.#fail('InvalidInteger', `expected a whole number below 2^53 at character ${this.#at}`);
    }
    this.#at += digits.length;
    return value;
  }

  #string(): string {
    this.#peek();
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail('InvalidJson', `expected a string at character ${start}`);
    const end = endOfString(this.#text, start);
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      return this.#fail('InvalidJson', `broken string at character ${start}`);
    }
  }

  #peek(): string | undefined {
    while (this.#at < this.#text.length && ' \t\n\r'.includes(this.#text[this.#at])) this.#at++;
    return this.#text[this.#at];
  }

  #expect(character: string): void {
    if (this.#peek() !== character) {
      this.#fail('InvalidJson', `expected "${character}" at character ${this.#at} of the header`);
    }
    this.#at++;
  }

  #fail(reason: string, message: string, tensor?: string): never {
    throw new CheckpointFormatError(reason, this.#file, message, tensor);
  }
}
