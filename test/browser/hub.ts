/** A server in the place of Hugging Face, on this machine: the same files under names that say how it behaves. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** With ranges; without; refusing whoever asks for ranges; with ranges, of which the connection breaks once. */
export const HOSTS = ['ranges', 'whole', 'refusing', 'cut'] as const;

const ADDRESS = /^\/(\w+)\/tiny\/resolve\/main\/([\w.]+)$/;
const CORS = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'Content-Range' };

/** Bytes behind which a range is cut off. */
const CUT = 100_000;

export class HubServer {
  readonly #server: Server;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly address: string;
  /** All that was asked: `GET /ranges/tiny/resolve/main/config.json`, with the range. */
  readonly asked: string[] = [];
  /** Ranges that are cut off from now on. */
  cuts = 0;

  private constructor(server: Server, files: ReadonlyMap<string, Uint8Array>) {
    this.#server = server;
    this.#files = files;
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(files: ReadonlyMap<string, Uint8Array>): Promise<HubServer> {
    let hub: HubServer | undefined;
    const server = createServer((request, response) => (hub as HubServer).#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hub = new HubServer(server, files);
  }

  #answer({ method, url = '', headers: { range } }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(`${method} ${url}${range === undefined ? '' : ` ${range}`}`);
    const [, host, name] = ADDRESS.exec(url) ?? [];
    const file = this.#files.get(name);
    if (host === 'closed') return void response.writeHead(401, CORS).end();
    if (host === 'refusing' && range !== undefined) return void response.writeHead(403).end();
    if (file === undefined) return void response.writeHead(404, CORS).end();
    const [, begin, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (begin === undefined || host === 'whole') {
      return void response.writeHead(200, { ...CORS, 'content-length': file.length }).end(file);
    }
    const part = file.subarray(Number(begin), Number(last) + 1);
    response.writeHead(206, { ...CORS, 'content-length': part.length,
      'content-range': `bytes ${begin}-${Number(begin) + part.length - 1}/${file.length}` });
    if (host !== 'cut' || Number(begin) === 0 || this.cuts === 0) return void response.end(part);
    this.cuts--;
    response.write(part.subarray(0, CUT), () => response.destroy());
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections(); // a browser keeps its connections open
    await closed;
  }
}
