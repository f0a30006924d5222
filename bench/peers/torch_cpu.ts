/** PyTorch on the processor, by torch_cpu.py in a Python that has it; answers come as a line of JSON and raw f32. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CHANNELS_FIRST } from './layout.ts';
import { ADAMW, CHECKED_STEPS, type Peer } from './task.ts';

const PROGRAM = fileURLToPath(new URL('./torch_cpu.py', import.meta.url));

/** Where a PyTorch may be: the Python of the path, and the system's, whose packages another one does not see. */
const PYTHONS = ['python3', '/usr/bin/python3', 'python'];

/** @throws {Error} if no Python has torch */
function pythonWithTorch(): string {
  const found = PYTHONS.find((python) => spawnSync(python, ['-c', 'import torch']).status === 0);
  if (found === undefined) throw new Error(`no PyTorch: none of ${PYTHONS.join(', ')} can import torch`);
  return found;
}

interface Header {
  readonly version?: string;
  readonly outputs?: readonly (readonly [name: string, size: number])[];
}

/** The running program, asked one thing at a time. */
class Torch {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #chunks: AsyncIterator<Buffer>;
  /** What was received behind what was asked for. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(threads: number) {
    this.#child = spawn(pythonWithTorch(), [PROGRAM, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
  }

  async ask(asked: object, operands: readonly Float32Array[] = []): Promise<Header> {
    for (const part of [`${JSON.stringify(asked)}\n`,
      ...operands.map((data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))]) {
      if (!this.#child.stdin.write(part)) await once(this.#child.stdin, 'drain');
    }
    let line = '';
    while (!line.endsWith('\n')) {
      const part = await this.#some();
      const end = part.indexOf('\n');
      line += part.subarray(0, end < 0 ? part.length : end + 1).toString();
      this.#rest = part.subarray(end < 0 ? part.length : end + 1);
    }
    return JSON.parse(line) as Header;
  }

  /** The next `count` numbers. */
  async numbers(count: number): Promise<Float32Array> {
    const bytes = new Uint8Array(4 * count);
    for (let at = 0; at < bytes.length;) {
      const part = await this.#some();
      const taken = part.subarray(0, bytes.length - at);
      bytes.set(taken, at);
      at += taken.length;
      this.#rest = part.subarray(taken.length);
    }
    return new Float32Array(bytes.buffer);
  }

  /** Bytes that nobody took, or else the next that come. @throws {Error} if Python ended */
  async #some(): Promise<Buffer> {
    if (this.#rest.length > 0) return this.#rest;
    const { value, done } = await this.#chunks.next();
    if (done === true) throw new Error('Python ended before it answered');
    return value;
  }
}

/** On so many threads; 0: as many as it takes by itself. */
export function peerOn(threads: number): Peer {
  let torch: Torch | undefined;
  const started = () => (torch ??= new Torch(threads));
  return {
    version: async () => (await started().ask({ ask: 'version' })).version ?? '',
    layout: CHANNELS_FIRST,
    ways: () => ['eager'],
    async prepare(task) {
      const python = started();
      const operands = task.operands();
      const { formula, direction, heads = 1, wrt } = task;
      await python.ask({ ask: 'prepare', formula, direction, heads, wrt, adamw: ADAMW, steps: CHECKED_STEPS,
        operands: Object.entries(operands).map(([name, { shape }]) => [name, shape]) },
        Object.values(operands).map(({ data }) => data));
      return {
        async outputs() {
          const { outputs = [] } = await python.ask({ ask: 'outputs' });
          const results: Record<string, Float32Array> = {};
          for (const [name, size] of outputs) results[name] = await python.numbers(size);
          return results;
        },
        async round(calls) {
          await python.ask({ ask: 'round', calls });
        },
      };
    },
  };
}
