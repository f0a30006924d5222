/**
 * Loops that end. A program that a person is still writing may never end, and no process can stop it: SwiftShader then
 * answers nobody in this browser again, and a driver resets the device after seconds. So a changed program is first run
 * with a counter in every loop.
 *
 * Each loop has a counter of its own, which begins at 0 where its function does: all turns that the loop makes in one
 * call of the function count, those of an outer loop's turns together. It is a variable of the function, and not one
 * for the whole invocation: to the analysis of uniformity a counter that only its own loop changes is as uniform as the
 * loop is, so barriers and subgroup operations in loops stay allowed. A `var<private>` is never uniform.
 *
 * All that is put in stands on lines that were there, so lines stay true; `columnAsWritten` does the same for columns.
 */
import { bindingsOf, type Source } from '../../engine/wgsl.ts';
import { tokens } from './tokens.ts';

/** Text that is put in at a place of another. */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * The parts of a program with a counter in each of their loops. A loop that has made `most` turns ends, and a zero is
 * written behind the tensor that the program writes, at the last element but one of its binding: in a context with
 * `guard` that is in the guard, and `checkGuards` tells. Without it, an endless loop that has no effect on what is
 * written would pass. A write out of bounds is seen in the same way; the two are told apart by `tellsOfTurns: false`.
 *
 * A text with an endless loop is wrong, but it may be one that does not compile as it was written: `loop { }` without a
 * `break` is no WGSL, with the counter it is.
 *
 * @param most turns of one loop in one call of its function. Work is bounded by it times calls and invocations, so
 *   give it not much more than the loops of a case have. On lavapipe a loop that spends all its turns takes
 *   milliseconds for each of them; SwiftShader makes 65,536 of 64 lanes within a second
 * @returns parts that nothing but a linker should see: `countTurns` of them again would count twice
 */
export function countTurns(parts: readonly Source[], most: number, { tellsOfTurns = true } = {}): Source[] {
  if (!(Number.isInteger(most) && most > 0 && most < 2 ** 32)) {
    throw new RangeError(`${most} turns: a whole number from 1 to 2³² − 1 is`);
  }
  const report = reportOf(parts);
  const counted = parts.map((part) => ({ ...part,
    text: withInsertions(part.text, insertions(part.text, most, report)) })
  );
  const sink = tellsOfTurns ? sinkOf(parts) : '';
  return [...counted, { file: 'turns', text: `fn ${report}() {${sink}}` }];
}

/**
 * Where a place of a counted text is in the text as it was written. Lines are the same.
 *
 * @param column from 1, as compilers count
 */
export function columnAsWritten(parts: readonly Source[], most: number, file: string, line: number,
  column: number): number {
  const written = parts.find((part) => part.file === file)?.text ?? '';
  let start = 0;
  for (let i = 1; i < line; i++) start = written.indexOf('\n', start) + 1;
  let shift = 0;
  for (const { at, text } of insertions(written, most, reportOf(parts))) {
    const before = at - start + shift;
    if (at >= start && before < column - 1) shift += Math.min(text.length, column - 1 - before);
  }
  return column - shift;
}

/** The function that is called where a loop has made all its turns. */
function reportOf(parts: readonly Source[]): string {
  return freeName(parts.map(({ text }) => text).join('\n'), 'turns_spent');
}

/** A name that a text does not hold. */
function freeName(text: string, name: string): string {
  return text.includes(name) ? freeName(text, `${name}_`) : name;
}

/** A statement that marks the end of an array that the program writes; nothing if it has none. */
function sinkOf(parts: readonly Source[]): string {
  for (const { name, kind, type } of bindingsOf(parts)) {
    const element = /^array<\s*(\w+)\s*>$/.exec(type)?.[1];
    if (kind === 'read_write' && element !== undefined) return ` ${name}[arrayLength(&${name}) - 2u] = ${element}(); `;
  }
  return '';
}

/** A function or a loop whose end has not come yet. */
interface Open {
  readonly kind: 'function' | 'loop' | 'block';
  /** Of a function: where its body begins, its loops so far, and the type that it returns. */
  readonly body: number;
  readonly loops: string[];
  readonly type: string;
}

/** What is put into a text, by place. */
function insertions(text: string, most: number, report: string): Insertion[] {
  const prefix = freeName(text, 'turns_of_');
  const found: Insertion[] = [];
  const open: Open[] = [];
  let awaited: Open['kind'] = 'block';
  let [type, isInType] = ['', false];
  let last = '';
  let at = 0;
  let count = 0;
  for (const token of tokens(text)) {
    at += token.text.length;
    if (token.kind === 'space' || token.kind === 'comment') continue;
    const word = token.text;
    const owner = open.findLast(({ kind }) => kind === 'function');
    if (word === 'fn' && token.kind === 'keyword') {
      [awaited, type, isInType] = ['function', '', false];
    } else if (token.kind === 'keyword' && /^(?:for|while|loop)$/.test(word) && owner !== undefined) {
      awaited = 'loop';
    } else if (word === '->' && awaited === 'function') {
      [type, isInType] = ['', true];
    } else if (word === '{') {
      open.push({ kind: awaited, body: at, loops: [], type });
      if (awaited === 'loop') {
        const name = `${prefix}${count++}`;
        owner?.loops.push(name);
        found.push({ at, text: ` if (${name} >= ${most}u) { ${report}(); break; } ${name}++;` });
      }
      [awaited, isInType] = ['block', false];
    } else if (word === '}') {
      const closed = open.pop();
      if (closed?.kind === 'function' && closed.loops.length > 0) {
        found.push({ at: closed.body, text: closed.loops.map((name) => ` var ${name} = 0u;`).join('') });
        // a loop that could only be left by a return can now be left by its counter
        if (closed.type !== '' && last === '}') found.push({ at: at - 1, text: `return ${closed.type}();` });
      }
    } else if (isInType && token.kind !== 'attribute') {
      type += word;
    }
    last = word;
  }
  return found.sort((a, b) => a.at - b.at);
}

function withInsertions(text: string, found: readonly Insertion[]): string {
  let end = 0;
  const pieces = found.flatMap(({ at, text: inserted }) => {
    const before = text.slice(end, at);
    end = at;
    return [before, inserted];
  });
  return [...pieces, text.slice(end)].join('');
}
