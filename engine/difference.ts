import type { Command, Place, Resource } from './command.ts';
import { isPlain } from './handle.ts';
import type { Pass } from './pass.ts';
import type { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';
import type { Field } from './wgsl.ts';

/** Where two passes through one step part, for people, and what to do about it. */
export interface Difference {
  readonly what: string;
  readonly hint: string;
}

const OF_NUMBERS =
  'replays repeat the number of the first pass: let it come in a tensor, e.g. mul() by a tensor [] that is written before each run';
const OF_COMMANDS =
  'every run must do the same: zero the gradients within the step (optimizer.zeroGrad(), or grad = undefined), and let nothing that it leaves on the host steer the next run';
const OF_RESULTS = 'replays compute nothing on the host: return tensors';

/** The first difference between two passes through one step: what a replay of the first would do wrong. */
export function differenceOf(first: Pass<unknown>, later: Pass<unknown>): Difference | undefined {
  return new Comparison(first, later).difference();
}

class Comparison {
  readonly #first: Pass<unknown>;
  readonly #later: Pass<unknown>;
  /** Memory that each pass made for itself: that of the first by that of the other, and the other way round. */
  readonly #twins = new Map<Storage, Storage>();

  constructor(first: Pass<unknown>, later: Pass<unknown>) {
    this.#first = first;
    this.#later = later;
    first.inputs.forEach((storage, i) => this.#isSame(storage, later.inputs[i]));
  }

  difference(): Difference | undefined {
    const [before, now] = [this.#first.recording.commands, this.#later.recording.commands];
    for (let i = 0; i < Math.min(before.length, now.length); i++) {
      const difference = this.#ofCommands(before[i], now[i]);
      if (difference !== undefined) {
        return { ...difference, what: `command ${i + 1}, ${nameOf(before[i])}: ${difference.what}` };
      }
    }
    if (before.length !== now.length) {
      const next = (before[now.length] ?? now[before.length]) as Command;
      return this.#inCommands(
        `it had ${before.length} commands, then ${now.length}; the first that only one pass has is ${nameOf(next)}`,
      );
    }
    const [called, calls] = [this.#first, this.#later].map(({ recording }) =>
      recording.calls.map(({ behind }) => behind)
    );
    if (`${called}` !== `${calls}`) {
      return this.#inCommands(`the host was called behind commands ${called.join(', ')}, then ${calls.join(', ')}`);
    }
    const what = this.#ofResults('what it returns', this.#first.result, this.#later.result);
    return what === undefined ? undefined : { what, hint: OF_RESULTS };
  }

  /**
   * Gradients are the likeliest reason for other commands, so the difference tells of one that was not there the first
   * time.
   */
  #inCommands(what: string): Difference {
    const other = this.#later.gradients.find(({ tensor, found }) => {
      const before = this.#first.gradients.find((gradient) => gradient.tensor === tensor);
      return before !== undefined && (before.found === undefined) !== (found === undefined);
    });
    if (other === undefined) return { what, hint: OF_COMMANDS };
    const { tensor: { label, shape }, found } = other;
    const had = found === undefined
      ? 'a gradient before the first pass, then none'
      : 'no gradient before the first pass, then one';
    return { what: `${what}; "${label}" [${shape}] had ${had}`, hint: OF_COMMANDS };
  }

  #ofCommands(before: Command, now: Command): Difference | undefined {
    if (before.kind !== now.kind || nameOf(before) !== nameOf(now)) {
      return this.#inCommands(`it was ${nameOf(now)} the next time`);
    }
    if (before.kind === 'dispatch' && now.kind === 'dispatch') return this.#ofDispatches(before, now);
    const [a, b] = [before, now] as Exclude<Command, { kind: 'dispatch' }>[];
    const what = a.bytes !== b.bytes
      ? `it was of ${a.bytes} bytes, then of ${b.bytes}`
      : (a.kind === 'copy' && b.kind === 'copy' && this.#ofPlaces('its source', a.from, b.from))
        || this.#ofPlaces('its target', a.to, b.to);
    return what === undefined ? undefined : this.#inCommands(what);
  }

  #ofDispatches(before: Command & { kind: 'dispatch' }, now: Command & { kind: 'dispatch' }): Difference | undefined {
    if (before.built !== now.built) {
      return this.#inCommands(`it was built as ${before.built.settings}, then as ${now.built.settings}`);
    }
    const { params, bindings } = before.built.program;
    for (const [i, resource] of before.resources.entries()) {
      const other = now.resources[i];
      if (resource.kind === 'uniform' && other.kind === 'uniform') {
        const what = ofBlocks(params, resource.block, other.block);
        if (what !== undefined) return { what, hint: OF_NUMBERS };
      }
    }
    if (`${before.grid}` !== `${now.grid}`) {
      return this.#inCommands(`its grid was ${before.grid.join(' × ')}, then ${now.grid.join(' × ')}`);
    }
    for (const [i, resource] of before.resources.entries()) {
      const name = bindings.find(({ index }) => index === resource.index)?.name ?? `binding ${resource.index}`;
      const what = this.#ofBound(name, resource, now.resources[i]);
      if (what !== undefined) return this.#inCommands(what);
    }
    return undefined;
  }

  #ofBound(name: string, before: Resource, now: Resource): string | undefined {
    if (before.kind === 'uniform' || now.kind === 'uniform') return undefined;
    if ('texture' in before || 'texture' in now) {
      const same = 'texture' in before && 'texture' in now && before.texture.slot === now.texture.slot;
      return same && before.bytes === now.bytes ? undefined : `${name} was of another size, or in another slot`;
    }
    return before.bytes !== now.bytes
      ? `${name} had ${before.bytes} bytes, then ${now.bytes}`
      : this.#ofPlaces(name, before, now);
  }

  #ofPlaces(name: string, before: Place, now: Place): string | undefined {
    const [a, b] = [`"${before.storage.label}"`, `"${now.storage.label}"`];
    if (!this.#isSame(before.storage, now.storage)) return `${name} was ${a}, then ${a === b ? `another ${b}` : b}`;
    return before.offset === now.offset
      ? undefined
      : `${name} began at byte ${before.offset} of ${a}, then at ${now.offset}`;
  }

  /** Whether memory plays the same part in both passes: the same from outside, or made in the same place. */
  #isSame(before: Storage, now: Storage): boolean {
    const isOwn = this.#first.recording.owns(before);
    if (isOwn !== this.#later.recording.owns(now)) return false;
    if (!isOwn) return before === now;
    const [twin, back] = [this.#twins.get(before) ?? now, this.#twins.get(now) ?? before];
    this.#twins.set(before, now);
    this.#twins.set(now, before);
    return twin === now && back === before;
  }

  #ofResults(path: string, before: unknown, now: unknown): string | undefined {
    if (before instanceof Tensor && now instanceof Tensor) {
      const isView = `${before.shape}` === `${now.shape}` && before.dtype === now.dtype
        && before.byteOffset === now.byteOffset;
      return isView && this.#isSame(before.storage, now.storage)
        ? undefined
        : `${path} was ${describe(before)}, then another ${describe(now)}`;
    }
    const areLists = Array.isArray(before) && Array.isArray(now);
    if (areLists || (isPlain(before) && isPlain(now))) {
      const [a, b] = [Object.entries(before as object), Object.entries(now as object)];
      const [had, has] = [a, b].map((entries) => entries.map(([key]) => key).join(', ') || 'nothing');
      if (had !== has) return `${path} had ${had}, then ${has}`;
      for (const [i, [key, value]] of a.entries()) {
        const what = this.#ofResults(areLists ? `${path}[${key}]` : `${path}.${key}`, value, b[i][1]);
        if (what !== undefined) return what;
      }
      return undefined;
    }
    // functions and instances of classes are made anew by a step that makes them
    const areObjects = (typeof before === 'object' || typeof before === 'function') && typeof before === typeof now
      && before !== null && now !== null;
    return areObjects || Object.is(before, now) ? undefined : `${path} was ${describe(before)}, then ${describe(now)}`;
  }
}

function nameOf(command: Command): string {
  if (command.kind === 'dispatch') return command.label;
  return `${command.kind === 'copy' ? 'a copy to' : 'a clearing of'} "${command.to.storage.label}"`;
}

function describe(value: unknown): string {
  return value instanceof Tensor ? `"${value.label}" [${value.shape}]` : String(value);
}

/** The fields in which two blocks of parameters differ. */
function ofBlocks(fields: readonly Field[], before: ArrayBuffer, now: ArrayBuffer): string | undefined {
  const [a, b] = [new DataView(before), new DataView(now)];
  const differences = fields.flatMap(({ name, type }, i) => {
    if (a.getUint32(4 * i, true) === b.getUint32(4 * i, true)) return [];
    return [`${name} was ${fieldText(a, type, 4 * i)}, then ${fieldText(b, type, 4 * i)}`];
  });
  return differences.length === 0 ? undefined : differences.join('; ');
}

function fieldText(view: DataView, type: Field['type'], at: number): string {
  if (type !== 'f32') return String(type === 'u32' ? view.getUint32(at, true) : view.getInt32(at, true));
  const value = view.getFloat32(at, true);
  // the shortest text that stands for this f32: 0.1, not 0.10000000149011612; nine digits always do
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}
