/**
 * WGSL as tokens, for colours and for the turn counter of loops. Every character belongs to exactly one token, whatever
 * the text is: half-written programs are read as well. W3C, WebGPU Shading Language, section 3.
 */

/** What a token is. The first eight have a colour; `string` is of TypeScript, `sign` is punctuation. */
export type Kind = 'comment' | 'attribute' | 'keyword' | 'type' | 'builtin' | 'declared' | 'number' | 'string' | 'name'
  | 'sign' | 'space';

export interface Token {
  readonly kind: Kind;
  readonly text: string;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const KEYWORDS = words(`
  alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
  loop override requires return struct switch true var while`);

/** Those that every program has, and those that the engine's prelude adds. */
const TYPES = words('bool i32 u32 f32 f16 array atomic ptr elem result');
const TYPE = /^(?:vec[234][iufh]?|mat[234]x[234][fh]?|(?:texture|sampler|subgroup_matrix)(?:_\w+)?)$/;

const BUILTINS = words(`
  all any select arrayLength bitcast
  abs acos acosh asin asinh atan atan2 atanh ceil clamp cos cosh countLeadingZeros countOneBits countTrailingZeros cross
  degrees determinant distance dot dot4I8Packed dot4U8Packed exp exp2 extractBits faceForward firstLeadingBit
  firstTrailingBit floor fma fract frexp insertBits inverseSqrt ldexp length log log2 max min mix modf normalize pow
  quantizeToF16 radians reflect refract reverseBits round saturate sign sin sinh smoothstep sqrt step tan tanh transpose
  trunc
  atomicAdd atomicAnd atomicCompareExchangeWeak atomicExchange atomicLoad atomicMax atomicMin atomicOr atomicStore
  atomicSub atomicXor
  pack2x16float pack2x16snorm pack2x16unorm pack4x8snorm pack4x8unorm pack4xI8 pack4xI8Clamp pack4xU8 pack4xU8Clamp
  unpack2x16float unpack2x16snorm unpack2x16unorm unpack4x8snorm unpack4x8unorm unpack4xI8 unpack4xU8
  storageBarrier textureBarrier workgroupBarrier workgroupUniformLoad
  quadBroadcast quadSwapDiagonal quadSwapX quadSwapY subgroupAdd subgroupAll subgroupAnd subgroupAny subgroupBallot
  subgroupBroadcast subgroupBroadcastFirst subgroupElect subgroupExclusiveAdd subgroupExclusiveMul subgroupInclusiveAdd
  subgroupInclusiveMul subgroupMax subgroupMin subgroupMul subgroupOr subgroupShuffle subgroupShuffleDown
  subgroupShuffleUp subgroupShuffleXor subgroupXor
  subgroupMatrixLoad subgroupMatrixMultiply subgroupMatrixMultiplyAccumulate subgroupMatrixScalarAdd
  subgroupMatrixScalarMultiply subgroupMatrixScalarSubtract subgroupMatrixStore`);

/** Keywords behind which a name is declared. */
const DECLARING = words('fn struct alias const override');

const CALL = /<|\s*\(/y;

/** What a token may begin with, in this order. A line comment ends at any line break that WGSL has. */
const PATTERNS: readonly (readonly [Kind, RegExp])[] = [
  ['space', /[\s\u0085\u200e\u200f]+/y],
  ['comment', /\/\/[^\n\v\f\r\u0085\u2028\u2029]*/y],
  ['name', /[\p{XID_Start}_]\p{XID_Continue}*/uy],
  ['attribute', /@[\p{XID_Start}_]\p{XID_Continue}*/uy],
  ['number', /0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)(?:[pP][+-]?\d+)?[iufh]?/y],
  ['number', /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[iufh]?/y],
  ['sign', /->|[^]/uy],
];

/** The tokens of a text; put together they are the text. */
export function tokens(text: string): Token[] {
  const own = new Set(Array.from(text.matchAll(/\b(?:alias|struct)\s+(\w+)/g), ([, name]) => name));
  const found: Token[] = [];
  // the last tokens that are neither space nor comment, the latest first
  let [last, before] = ['', ''];
  // between `var<` and the name behind it
  let isOfVar = false;
  for (let at = 0; at < text.length;) {
    const token = next(text, at);
    at += token.text.length;
    if (token.kind === 'space' || token.kind === 'comment') {
      found.push(token);
      continue;
    }
    if (token.kind === 'name') {
      const isDeclared = DECLARING.has(last) || (isOfVar && last === '>');
      const isType = last === ':' || last === '->' || (last === '<' && before === 'array');
      const kind = kindOf(token.text, own, { isDeclared, isType, isMember: last === '.',
        isCalled: isCalled(text, at) });
      found.push({ kind, text: token.text });
    } else {
      found.push(token);
    }
    isOfVar = last === 'var' ? token.text === '<' : isOfVar && last !== '>';
    [last, before] = [token.text, last];
  }
  return found;
}

/** The token that begins at a place, by its letters alone. */
function next(text: string, at: number): Token {
  if (text.startsWith('/*', at)) return { kind: 'comment', text: text.slice(at, endOfBlock(text, at)) };
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return { kind, text: found };
  }
  throw new RangeError(`no token begins at ${at} of ${text.length}`);
}

/** Block comments nest. One that is not closed reaches to the end. */
function endOfBlock(text: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(text); found !== null; found = mark.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return text.length;
}

function isCalled(text: string, end: number): boolean {
  CALL.lastIndex = end;
  return CALL.test(text);
}

/** What a word is where it stands. */
function kindOf(word: string, own: ReadonlySet<string>,
  at: Readonly<Record<'isDeclared' | 'isType' | 'isMember' | 'isCalled', boolean>>): Kind {
  if (at.isMember) return 'name';
  if (KEYWORDS.has(word)) return 'keyword';
  if (at.isDeclared) return 'declared';
  if (at.isType || TYPES.has(word) || TYPE.test(word) || own.has(word)) return 'type';
  return at.isCalled && BUILTINS.has(word) ? 'builtin' : 'name';
}
