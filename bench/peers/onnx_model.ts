/**
 * Writes an ONNX model: protocol buffers by hand, of which a graph needs four kinds of field. Field numbers are those
 * of onnx.proto3.
 */
import type { Operand } from './task.ts';

/**
 * An operator: names of its inputs and outputs, and attributes by value (a whole number is an INT, another one a
 * FLOAT).
 */
export interface Node {
  readonly operator: string;
  /** `com.microsoft` for those that ONNX Runtime adds. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;
}

/** A model's graph: what is fed, what is constant, what is computed. All floats are f32. */
export interface Graph {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly constants: Readonly<Record<string, Operand | { readonly whole: readonly number[] }>>;
  readonly nodes: readonly Node[];
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

type Bytes = readonly Uint8Array[];

const FLOAT = 1;
const INT64 = 7;
/** Newest version of the operators that ONNX Runtime 1.30 knows, and of the format. */
const [OPSET, IR] = [21, 10];

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

const number = (field: number, value: number): Bytes => [varint(field * 8), varint(value)];
const float = (field: number,
  value: number): Bytes => [varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer)];

function bytes(field: number, parts: Bytes): Bytes {
  return [varint(field * 8 + 2), varint(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}

const text = (field: number, value: string): Bytes => bytes(field, [new TextEncoder().encode(value)]);

function attribute(name: string, value: number | readonly number[] | { readonly float: number }): Bytes {
  if (Array.isArray(value)) {
    return [...text(1, name), ...value.flatMap((v) => number(8, v as number)), ...number(20, 7)];
  }
  if (typeof value === 'object') {
    return [...text(1, name), ...float(2, (value as { readonly float: number }).float), ...number(20, 1)];
  }
  return [...text(1, name), ...number(3, value as number), ...number(20, 2)];
}

function node({ operator, domain = '', inputs, outputs, attributes = {} }: Node): Bytes {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, operator),
    ...Object.entries(attributes).flatMap(([name, value]) => bytes(5, attribute(name, value))),
    ...text(7, domain),
  ];
}

function constant(name: string, value: Operand | { readonly whole: readonly number[] }): Bytes {
  const [shape, type, data] = 'whole' in value
    ? [[value.whole.length], INT64, BigInt64Array.from(value.whole.map(BigInt))]
    : [value.shape, FLOAT, value.data];
  return [...shape.flatMap((size) => number(1, size)), ...number(2, type), ...text(8, name),
    ...bytes(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])];
}

function declaration(name: string, shape: readonly number[]): Bytes {
  const dimensions = shape.flatMap((size) => bytes(1, number(1, size)));
  return [...text(1, name), ...bytes(2, bytes(1, [...number(1, FLOAT), ...bytes(2, dimensions)]))];
}

/** The model as a file. */
export function onnxModel({ inputs, constants, nodes, outputs }: Graph): Uint8Array {
  const graph = [
    ...nodes.flatMap((one) => bytes(1, node(one))),
    ...text(2, 'graph'),
    ...Object.entries(constants).flatMap(([name, value]) => bytes(5, constant(name, value))),
    ...Object.entries(inputs).flatMap(([name, shape]) => bytes(11, declaration(name, shape))),
    ...Object.entries(outputs).flatMap(([name, shape]) => bytes(12, declaration(name, shape))),
  ];
  const opset = (domain: string, version: number) => bytes(8, [...text(1, domain), ...number(2, version)]);
  const parts = [...number(1, IR), ...bytes(7, graph), ...opset('', OPSET), ...opset('com.microsoft', 1)];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
