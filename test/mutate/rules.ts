/** Defects that a person could make, by rules: what the tests must notice. */
import { parseAst } from 'rolldown/parseAst';

/** One change of one place of a file. */
export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly rule: string;
  readonly start: number;
  readonly end: number;
  /** What stands in the place of what stood between `start` and `end`. */
  readonly replacement: string;
}

/** The text of a file with a defect. */
export const mutated = (text: string, { start, end, replacement }: Mutant): string =>
  text.slice(0, start) + replacement + text.slice(end);

/** The line of a defect, before and after. */
export function linesOf(text: string, mutant: Mutant): readonly [before: string, after: string] {
  const lineAt = (whole: string) => whole.split('\n')[mutant.line - 1].trim();
  return [lineAt(text), lineAt(mutated(text, mutant))];
}

/** All defects of a file, in order. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const found = file.endsWith('.wgsl') ? ofWgsl(text) : ofTypeScript(text);
  return found.map((change) => ({ file, line: text.slice(0, change.start).split('\n').length, ...change }))
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

/** A change of a text, whatever its file. */
export type Change = Omit<Mutant, 'file' | 'line'>;

/** Operators, and what is written in their place by mistake. */
const OPERATORS: Readonly<Record<string, string>> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>', '===': '!==',
  '!==': '===', '==': '!=', '!=': '==', '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '<<': '>>', '>>': '<<',
  '&': '|', '|': '&', '&&': '||', '||': '&&', '+=': '=', '-=': '+=' };
const BOUNDS = ['<', '<=', '>', '>='];
const FUNCTIONS: Readonly<Record<string, string>> = { min: 'max', max: 'min', floor: 'ceil', ceil: 'floor' };

const ruleOf = (operator: string) =>
  BOUNDS.includes(operator) ? 'bound moved' : operator.endsWith('=') && operator.length === 2 && operator[0] !== '='
      && operator[0] !== '!'
    ? 'term dropped'
    : 'operator swapped';

// ------------------------------------------------------------------------------------------------ TypeScript

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
const isOf = (value: unknown, ...types: readonly string[]): value is Node =>
  isNode(value) && types.includes(value.type);

/** What is gone when the program runs; expressions within casts are not. */
const CASTS = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'];
export const isType = ({ type }: Node) => type.startsWith('TS') && !CASTS.includes(type);
/** Texts for people: no test has to know each of their words. */
const isText = (value: unknown): boolean =>
  isOf(value, 'TemplateLiteral') || (isNode(value) && typeof value.value === 'string');

function ofTypeScript(text: string): Change[] {
  const changes: Change[] = [];
  const visit = (node: Node): void => {
    if (isType(node) || node.type === 'ImportDeclaration') return;
    changes.push(...changesOf(node, text));
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child);
    }
  };
  visit(parseAst(text, { lang: 'ts' }) as unknown as Node);
  return changes;
}

/** What can be changed of a node by itself, apart from its parts: one thing, or nothing. */
export function changesOf(node: Node, text: string): readonly Change[] {
  const { type, start, end, left, right, operator } = node;
  const change = (rule: string, from: number, to: number,
    replacement: string): Change[] => [{ rule, start: from, end: to, replacement }];
  switch (type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression': {
      const other = OPERATORS[String(operator)];
      if (other === undefined || !isNode(left) || !isNode(right) || isText(left) || isText(right)) return [];
      const at = text.indexOf(String(operator), left.end);
      return change(ruleOf(String(operator)), at, at + String(operator).length, other);
    }
    case 'UnaryExpression':
      return operator === '!' ? change('operator dropped', start, start + 1, '') : [];
    case 'IfStatement': {
      const { test, consequent, alternate } = node;
      const [only] = isOf(consequent, 'BlockStatement') ? (consequent.body as readonly unknown[]) : [consequent];
      const leaves = isOf(only, 'ReturnStatement', 'ThrowStatement', 'ContinueStatement', 'BreakStatement');
      return leaves && alternate === null && isNode(test) ? change('check dropped', test.start, test.end, 'false') : [];
    }
    case 'ExpressionStatement':
      return isOf(node.expression, 'CallExpression', 'AwaitExpression', 'AssignmentExpression')
        ? change('statement dropped', start, end, ';')
        : [];
    case 'CallExpression': {
      const { callee } = node;
      if (!isOf(callee, 'MemberExpression') || !isOf(callee.object, 'Identifier') || callee.object.name !== 'Math') {
        return [];
      }
      const { property } = callee;
      if (!isOf(property, 'Identifier')) return [];
      const other = FUNCTIONS[String(property.name)];
      return other === undefined ? [] : change('function swapped', property.start, property.end, other);
    }
    case 'Literal':
      return typeof node.value === 'number' && Number.isInteger(node.value) && /^\d+$/.test(text.slice(start, end))
        ? change('number moved', start, end, String(node.value + 1))
        : [];
    default:
      return [];
  }
}

// ------------------------------------------------------------------------------------------------ WGSL

const WGSL: readonly (readonly [pattern: RegExp, change: (match: RegExpExecArray) => readonly [string, string]])[] = [
  // spaces tell operators from the brackets of types
  [/(?<= )(<=|>=|==|!=|&&|\|\||<<|>>|\+=|-=|[<>+*/%-])(?= )/g,
    ([operator]) => [ruleOf(operator), OPERATORS[operator] ?? operator]],
  [/\b(min|max|floor|ceil)(?=\()/g, ([name]) => ['function swapped', FUNCTIONS[name]]],
  [/\b(?:workgroup|storage)Barrier\(\);/g, () => ['statement dropped', '']],
  [/\bif \((?=[^{}]*\{ *(?:return|continue|break)[^{}]*\})/g, () => ['check dropped', 'if (false && ']],
  [/\b\d+(?=u\b)/g, ([digits]) => ['number moved', String(Number(digits) + 1)]],
];

function ofWgsl(text: string): Change[] {
  const code = text.replace(/\/\/.*/g, (comment) => ' '.repeat(comment.length));
  return WGSL.flatMap(([pattern, change]) =>
    [...code.matchAll(pattern)].map((match) => {
      const [rule, replacement] = change(match as RegExpExecArray);
      return { rule, start: match.index, end: match.index + match[0].length, replacement };
    })
  );
}
