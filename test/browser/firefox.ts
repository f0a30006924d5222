/**
 * A Firefox that is installed, without a window, driven by Marionette, the protocol that it has itself: pieces of JSON
 * behind their length, over a socket. What npm has of Firefox is patched; this is the one that people use.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** WebGPU where Firefox does not offer it by itself, on software adapters as well. */
const PREFERENCES = { 'dom.webgpu.enabled': true, 'dom.webgpu.workers.enabled': true,
  'gfx.webgpu.ignore-blocklist': true, 'gfx.webgpu.force-enabled': true, 'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false };
/** Milliseconds until the socket is there. */
const START = 60_000;

/** The program and its version, `Mozilla Firefox 145.0`; undefined where none is installed. */
export function installedFirefox(): { readonly program: string; readonly version: string } | undefined {
  for (const program of ['firefox', 'firefox-esr']) {
    try {
      const version = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return { program, version: version.trim() };
    } catch {
      // the next name
    }
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects once the browser listens. */
async function connected(port: number, browser: ChildProcess): Promise<Socket> {
  const until = performance.now() + START;
  while (performance.now() < until && browser.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() =>
      false
    )])
      .catch(() => false);
    if (isThere) return socket;
    await sleep(200);
  }
  throw new Error('Firefox did not start');
}

export class Firefox {
  readonly #browser: ChildProcess;
  readonly #profile: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { settle(value: unknown): void; fail(error: Error): void }>();
  #received = Buffer.alloc(0);
  #asked = 0;

  private constructor(browser: ChildProcess, profile: string, socket: Socket) {
    this.#browser = browser;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#hear(chunk));
    socket.on('close', () => this.#waiting.forEach(({ fail }) => fail(new Error('Firefox ended'))));
  }

  static async start(program: string): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'firstlight-firefox-'));
    const port = await freePort();
    const lines = Object.entries({ ...PREFERENCES, 'marionette.port': port }).map(([name, value]) =>
      `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`
    );
    writeFileSync(join(profile, 'user.js'), `${lines.join('\n')}\n`);
    const browser = spawn(program, ['--headless', '--marionette', '--no-remote', '--profile', profile], {
      stdio: 'ignore',
    });
    const firefox = new Firefox(browser, profile, await connected(port, browser));
    await firefox.#ask('WebDriver:NewSession', {});
    await firefox.#ask('WebDriver:SetTimeouts', { script: 900_000, pageLoad: 60_000 });
    return firefox;
  }

  /** Opens a page and waits until it is loaded. */
  async open(address: string): Promise<void> {
    await this.#ask('WebDriver:Navigate', { url: address });
  }

  /** What the body of a function gives in the page. It may await. */
  async evaluate<T>(body: string): Promise<T> {
    const script =
      `const done = arguments[0]; (async () => { ${body} })().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value: { value, error } } = (await this.#ask('WebDriver:ExecuteAsyncScript', { script, args: [] })) as {
      value: { value: T; error?: string };
    };
    if (error !== undefined) throw new Error(`in the page: ${error}`);
    return value;
  }

  async close(): Promise<void> {
    const ended = once(this.#browser, 'exit');
    this.#socket.destroy();
    this.#browser.kill('SIGKILL');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true });
  }

  #ask(command: string, parameters: object): Promise<unknown> {
    const id = ++this.#asked;
    const message = JSON.stringify([0, id, command, parameters]);
    this.#socket.write(`${Buffer.byteLength(message)}:${message}`);
    return new Promise((settle, fail) => this.#waiting.set(id, { settle, fail }));
  }

  #hear(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const message = JSON.parse(this.#received.subarray(colon + 1, end).toString('utf8')) as unknown;
      this.#received = this.#received.subarray(end);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, value] = message as [number, number, { message: string } | null, unknown];
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === null) waiting?.settle(value);
      else waiting?.fail(new Error(`Firefox: ${error.message}`));
    }
  }
}
