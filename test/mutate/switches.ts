/**
 * The text of a TypeScript file with all of its defects behind switches: one copy of the project serves all of them,
 * and tells which of them a test comes by.
 */
import { dirname, relative } from 'node:path/posix';
import { parseAst } from 'rolldown/parseAst';
import { type Change, changesOf, isNode, isType, type Node } from './rules.ts';

/** Asks whether a defect is on. No file calls anything of its own so. */
const MET = '$met';
const MODULE = 'test/mutate/switch.mjs';

/**
 * Expressions become `($met(n) ? changed : as it was)`, statements `{ if (!$met(n)) statement }`, and a check that is
 * dropped `!$met(n) && (check)`. Lines stay where they are.
 *
 * @param numberOf what `$met` is asked for
 */
export function switched(file: string, text: string, numberOf: (change: Change) => number): string {
  const ask = (change: Change) => `${MET}(${numberOf(change)})`;

  /** A node's own text around its parts. */
  const around = (node: Node, render: (part: Node, key: string) => string): string => {
    let [out, at] = ['', node.start];
    for (const [key, part] of partsOf(node)) {
      if (part.start < at) continue;
      out += text.slice(at, part.start) + render(part, key);
      at = part.end;
    }
    return out + text.slice(at, node.end);
  };

  const render = (node: Node): string => {
    if (isType(node) || node.type === 'ImportDeclaration') return text.slice(node.start, node.end);
    const [change] = changesOf(node, text);
    const inner = around(node, (part, key) => {
      const own = render(part);
      // names of properties that are numbers
      if (key === 'key' && node.computed !== true) return changesOf(part, text).length > 0 ? `[${own}]` : own;
      return change?.rule === 'check dropped' && key === 'test' ? `!${ask(change)} && (${own})` : own;
    });
    switch (change?.rule) {
      case undefined:
      case 'check dropped':
        return inner;
      case 'statement dropped':
        return `{ if (!${ask(change)}) ${inner} }`;
      default:
        return `(${ask(change)} ? ${text.slice(node.start, change.start)}${change.replacement}${
          text.slice(change.end, node.end)
        } : ${inner})`;
    }
  };

  const module = relative(dirname(file), MODULE);
  const whole = { type: 'Program', start: 0, end: text.length, body: parseAst(text, { lang: 'ts' }).body };
  return `import { ${MET} } from '${module}'; ${around(whole, render)}`;
}

/** The nodes within a node, in the order in which they are written. */
function partsOf(node: Node): (readonly [key: string, part: Node])[] {
  const parts = Object.entries(node).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((part) => [key, part] as const)
  );
  // `{ a = 1 }` has its name twice, alone and with its default
  const written = node.shorthand === true ? parts.filter(([key]) => key !== 'key') : parts;
  return written.sort(([, a], [, b]) => a.start - b.start);
}
