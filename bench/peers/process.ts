/** A peer's process, seen from the benchmark: questions and answers, with a limit on every one. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PeerName } from './outcome.ts';

/** What the benchmark asks: which ways there are, the first call of one of them, or a round of calls. */
export type Request = { readonly task: string } & (
  | { readonly what: 'ways'; readonly peer: PeerName }
  | { readonly what: 'first'; readonly way: string }
  | { readonly what: 'round'; readonly calls: number }
);

export interface Answer {
  readonly ways?: readonly string[];
  /** With the ways, if there are any: of the library, and of what it computes by. */
  readonly version?: string;
  readonly outputs?: Readonly<Record<string, Float32Array>>;
  /** Of a first call: to prepare, and to the outputs on the host. Of a round: all of it. */
  readonly milliseconds?: readonly number[];
  readonly error?: string;
}

/** ONNX Runtime's WebAssembly takes a minute to be optimised, and gains nothing by it here. */
const NODE_FLAGS: Readonly<Partial<Record<PeerName, readonly string[]>>> = { 'ONNX Runtime': ['--liftoff-only'] };

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Why a peer gave no answer. */
export class PeerFailure extends Error {}

export class PeerProcess {
  readonly #child: ChildProcess;
  #said = '';

  constructor(peer: PeerName) {
    // shaders are compiled anew each time, so that the first call says what a new machine would see
    const env = { ...process.env, MESA_SHADER_CACHE_DISABLE: 'true' };
    this.#child = fork(WORKER, [], { env, execArgv: [...process.execArgv, ...(NODE_FLAGS[peer] ?? [])],
      serialization: 'advanced', stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-2000)));
    }
  }

  /** @param limit seconds  @throws {PeerFailure} if it crashes, takes longer or says that it cannot */
  ask(request: Request, limit: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#child.off('message', onMessage).off('exit', onExit);
        settle();
      };
      const onMessage = (answer: Answer) =>
        end(() => (answer.error === undefined ? resolve(answer) : reject(new PeerFailure(answer.error))));
      const onExit = (code: number | null, signal: string | null) =>
        end(() => reject(new PeerFailure(`ended with ${signal ?? `exit code ${code}`}: ${this.#lastLine()}`)));
      const timer = setTimeout(() => end(() => reject(new PeerFailure(`no answer in ${limit} s`))), limit * 1000);
      this.#child.on('message', onMessage).on('exit', onExit);
      if (this.#child.connected) this.#child.send(request);
      else onExit(this.#child.exitCode, this.#child.signalCode);
    });
  }

  #lastLine(): string {
    const lines = this.#said.trim().split('\n');
    return lines.find((line) => /error/i.test(line))?.trim() ?? lines.at(-1) ?? '';
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
