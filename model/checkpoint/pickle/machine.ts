/**
 * A machine that runs pickles as data. It follows Python's `pickle` opcode by opcode, but nothing is ever imported,
 * called or constructed: where Python would, a note of the name is left.
 */
import type { ByteSource } from '../bytes.ts';
import { decimalOf, floatOf, integerOf, placeOf } from './numbers.ts';
import { LAST_PROTOCOL, OP, opcodeName } from './opcodes.ts';
import { type Fail, PickleBytes, SHORT } from './pickle_bytes.ts';
import type { Place } from './place.ts';
import { described, Global, Inert, PickledTensor, type Value } from './values.ts';

/** Values that are made, and places of the memo that are filled. The largest checkpoints make some ten thousand. */
const MOST_VALUES = 2e6;

/** What the framework that wrote a pickle means by names and by what lies outside. */
export interface Meaning {
  /** What a call of that name gives, as data; undefined for names that mean nothing here. */
  call(name: string, args: readonly Value[], fail: Fail): Value | undefined;
  /** What a reference to something outside of the pickle gives. */
  persistent(id: Value, fail: Fail): Value;
}

/** Runs the pickle that begins at a place. `what` names it in errors. */
export async function readPickle(source: ByteSource, what: string, place: Place,
  meaning: Meaning): Promise<{ value: Value; end: number }> {
  const bytes = new PickleBytes(source, what, place);
  const machine = new Machine(bytes, meaning);
  while (!machine.run()) await bytes.more();
  await bytes.check();
  return { value: machine.result, end: bytes.position };
}

class Machine {
  readonly #bytes: PickleBytes;
  readonly #meaning: Meaning;
  readonly #stack: Value[] = [];
  /** Lengths of the stack at the marks that are open. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Value>();
  readonly #fail: Fail;
  #values = 0;
  /** What the pickle holds, once it has been run. */
  result: Value = null;

  constructor(bytes: PickleBytes, meaning: Meaning) {
    this.#bytes = bytes;
    this.#meaning = meaning;
    this.#fail = (reason, message) => bytes.fail(reason, message);
  }

  /** Goes on to the end, or until more bytes are needed. @returns whether that was the end */
  run(): boolean {
    let start = this.#bytes.position;
    try {
      for (;;) {
        start = this.#bytes.position;
        // arguments are read before anything is changed, so that an opcode can be done again
        if (this.#do(this.#bytes.u8())) return true;
      }
    } catch (error) {
      if (error !== SHORT) throw error;
      this.#bytes.rewind(start);
      return false;
    }
  }

  /** One opcode. @returns whether it was the last */
  #do(code: number): boolean {
    const bytes = this.#bytes;
    switch (code) {
      case OP.STOP:
        this.result = this.#pop();
        return true;
      case OP.PROTO: {
        const protocol = bytes.u8();
        if (protocol > LAST_PROTOCOL) {
          this.#fail('UnknownProtocol', `protocol ${protocol}, at most ${LAST_PROTOCOL} is read`);
        }
        break;
      }
      case OP.FRAME:
        bytes.u64(); // how much a reader may want to have in memory
        break;

      case OP.NONE:
        this.#push(null);
        break;
      case OP.NEWTRUE:
        this.#push(true);
        break;
      case OP.NEWFALSE:
        this.#push(false);
        break;
      case OP.BININT:
        this.#push(bytes.i32());
        break;
      case OP.BININT1:
        this.#push(bytes.u8());
        break;
      case OP.BININT2:
        this.#push(bytes.u16());
        break;
      case OP.LONG1:
        this.#push(integerOf(bytes, bytes.u8(), this.#fail));
        break;
      case OP.LONG4:
        this.#push(integerOf(bytes, bytes.u32(), this.#fail));
        break;
      case OP.INT:
      case OP.LONG:
        this.#push(decimalOf(bytes.line(), this.#fail));
        break;
      case OP.FLOAT:
        this.#push(floatOf(bytes.line(), this.#fail));
        break;
      case OP.BINFLOAT:
        this.#push(bytes.f64());
        break;

      case OP.UNICODE:
      case OP.STRING:
        this.#push(bytes.line());
        break;
      case OP.SHORT_BINUNICODE:
      case OP.SHORT_BINSTRING:
        this.#push(bytes.text(bytes.u8()));
        break;
      case OP.BINUNICODE:
      case OP.BINSTRING:
        this.#push(bytes.text(bytes.u32()));
        break;
      case OP.BINUNICODE8:
        this.#push(bytes.text(bytes.u64()));
        break;
      case OP.SHORT_BINBYTES:
        this.#push(bytes.bytes(bytes.u8()));
        break;
      case OP.BINBYTES:
        this.#push(bytes.bytes(bytes.u32()));
        break;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        this.#push(bytes.bytes(bytes.u64()));
        break;

      case OP.EMPTY_TUPLE:
      case OP.EMPTY_LIST:
        this.#push([]);
        break;
      case OP.TUPLE1:
        this.#push(this.#popMany(1));
        break;
      case OP.TUPLE2:
        this.#push(this.#popMany(2));
        break;
      case OP.TUPLE3:
        this.#push(this.#popMany(3));
        break;
      case OP.TUPLE:
      case OP.LIST:
        this.#push(this.#popToMark());
        break;
      case OP.EMPTY_DICT:
        this.#push(new Map());
        break;
      case OP.DICT: {
        const items = this.#popToMark();
        this.#push(new Map());
        this.#setItems(items);
        break;
      }
      case OP.EMPTY_SET:
        this.#push(new Set());
        break;
      case OP.FROZENSET:
        this.#push(new Set(this.#popToMark()));
        break;
      case OP.APPEND:
        this.#append(this.#popMany(1));
        break;
      case OP.APPENDS:
        this.#append(this.#popToMark());
        break;
      case OP.ADDITEMS: {
        const items = this.#popToMark();
        const set = this.#top();
        if (!(set instanceof Set)) this.#fail('WrongType', `members are added to ${described(set)}`);
        for (const item of items) set.add(item);
        break;
      }
      case OP.SETITEM:
        this.#setItems(this.#popMany(2));
        break;
      case OP.SETITEMS:
        this.#setItems(this.#popToMark());
        break;

      case OP.MARK:
        this.#count();
        this.#marks.push(this.#stack.length);
        break;
      case OP.POP:
        // above a mark there may be nothing: then the mark goes, as Python's own machine has it
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        break;
      case OP.POP_MARK:
        this.#popToMark();
        break;
      case OP.DUP:
        this.#push(this.#top());
        break;

      case OP.PUT:
        this.#remember(placeOf(bytes.line(), this.#fail));
        break;
      case OP.BINPUT:
        this.#remember(bytes.u8());
        break;
      case OP.LONG_BINPUT:
        this.#remember(bytes.u32());
        break;
      case OP.MEMOIZE:
        this.#remember(this.#memo.size);
        break;
      case OP.GET:
        this.#recall(placeOf(bytes.line(), this.#fail));
        break;
      case OP.BINGET:
        this.#recall(bytes.u8());
        break;
      case OP.LONG_BINGET:
        this.#recall(bytes.u32());
        break;

      case OP.GLOBAL: {
        const module = bytes.line();
        this.#push(new Global(module, bytes.line()));
        break;
      }
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') this.#fail('WrongType', 'a name is not a text');
        this.#push(new Global(module, name));
        break;
      }
      case OP.REDUCE:
      case OP.NEWOBJ: {
        const [callable, args] = this.#popMany(2);
        this.#push(this.#called(callable, args));
        break;
      }
      case OP.NEWOBJ_EX: {
        const [callable, args] = this.#popMany(3);
        this.#push(this.#called(callable, args));
        break;
      }
      case OP.INST: {
        const module = bytes.line();
        const callable = new Global(module, bytes.line());
        this.#push(this.#called(callable, this.#popToMark()));
        break;
      }
      case OP.OBJ: {
        const [callable = null, ...args] = this.#popToMark();
        this.#push(this.#called(callable, args));
        break;
      }
      case OP.BUILD:
        this.#build(this.#pop());
        break;
      case OP.PERSID:
        this.#push(this.#meaning.persistent(bytes.line(), this.#fail));
        break;
      case OP.BINPERSID:
        this.#push(this.#meaning.persistent(this.#pop(), this.#fail));
        break;

      case OP.EXT1:
      case OP.EXT2:
      case OP.EXT4:
      case OP.NEXT_BUFFER:
      case OP.READONLY_BUFFER:
        return this.#fail('UnknownOpcode', `${opcodeName(code)} means something that only the writer has`);
      default:
        return this.#fail('UnknownOpcode', `there is no opcode ${opcodeName(code)}`);
    }
    return false;
  }

  #count(): void {
    if (++this.#values > MOST_VALUES) {
      this.#fail('TooManyValues', `more than ${MOST_VALUES.toLocaleString('en-US')} values`);
    }
  }

  #push(value: Value): void {
    this.#count();
    this.#stack.push(value);
  }

  /** Values above the last mark, which stays closed to what takes a number of them. */
  #available(): number {
    return this.#stack.length - (this.#marks.at(-1) ?? 0);
  }

  #popMany(count: number): Value[] {
    if (this.#available() < count) {
      this.#fail('StackUnderflow', `${count} values are wanted, ${this.#available()} are there`);
    }
    return this.#stack.splice(this.#stack.length - count);
  }

  #pop(): Value {
    return this.#popMany(1)[0];
  }

  #top(): Value {
    if (this.#available() < 1) this.#fail('StackUnderflow', 'a value is wanted, none is there');
    return this.#stack[this.#stack.length - 1];
  }

  #popToMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) return this.#fail('NoMark', 'a mark is wanted, none is there');
    return this.#stack.splice(mark);
  }

  #remember(place: number): void {
    this.#count();
    this.#memo.set(place, this.#top());
  }

  #recall(place: number): void {
    const value = this.#memo.get(place);
    if (value === undefined) this.#fail('NoMemo', `place ${place} of the memo is empty`);
    this.#push(value);
  }

  #append(items: readonly Value[]): void {
    const list = this.#top();
    if (list instanceof Inert) return; // a kind of list: what is in it is never wanted
    if (!Array.isArray(list)) this.#fail('WrongType', `members are appended to ${described(list)}`);
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly Value[]): void {
    const top = this.#top();
    const dict = top instanceof Inert ? top.items : top;
    if (!(dict instanceof Map)) this.#fail('WrongType', `keys are set in ${described(top)}`);
    if (items.length % 2 !== 0) this.#fail('WrongType', 'a key has no value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  /** What Python would call, or construct, is asked for as data, or else noted. */
  #called(callable: Value, args: Value): Value {
    if (!Array.isArray(args)) this.#fail('WrongType', `${described(callable)} is called with ${described(args)}`);
    if (callable instanceof Global) {
      return this.#meaning.call(callable.path, args, this.#fail) ?? new Inert(callable.path);
    }
    if (callable instanceof Inert) return new Inert(callable.path);
    return this.#fail('WrongType', `${described(callable)} is called`);
  }

  /** Attributes: kept of what is inert, of no use to plain data. */
  #build(state: Value): void {
    const target = this.#top();
    if (target instanceof Inert) target.state = state;
    else if (!(target instanceof Map || target instanceof Set || target instanceof PickledTensor)) {
      this.#fail('WrongType', `attributes are set on ${described(target)}`);
    }
  }
}
