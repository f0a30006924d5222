import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { transform } from 'esbuild';

const ROOT = new URL('../../', import.meta.url);

/**
 * Only sources of these folders, and not what prepares Node. A path that climbs, or hides something behind an escape,
 * does not match.
 */
const SERVED =
  /^\/(?!engine\/setup\/)(?:engine|kernels|model|train|test)\/(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.(ts|mjs|wgsl|html)$/;

const CONTENT_TYPES: Readonly<Record<string, string>> = { ts: 'text/javascript', mjs: 'text/javascript',
  wgsl: 'text/plain', html: 'text/html' };

/** The text that a browser gets for a path, and its kind; undefined for everything that is not served. */
async function page(path: string): Promise<{ readonly type: string; readonly text: string } | undefined> {
  const extension = SERVED.exec(path)?.[1];
  if (extension === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(new URL(path.slice(1), ROOT), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (extension === 'ts') {
    ({ code: text } = await transform(text, { loader: 'ts', format: 'esm', target: 'es2022', sourcefile: path,
      sourcemap: 'inline' }));
  }
  return { type: `${CONTENT_TYPES[extension]}; charset=utf-8`, text };
}

/**
 * The repository's sources over HTTP, for this machine alone: TypeScript file by file without its types, nothing
 * bundled.
 */
export class SourceServer {
  readonly #server: Server;
  readonly origin: string;

  private constructor(server: Server) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<SourceServer> {
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
      page(pathname).then(
        (found) => {
          if (found === undefined) {
            response.writeHead(404, { 'content-type': 'text/plain' }).end(`${pathname} is not served`);
          } else response.writeHead(200, { 'content-type': found.type, 'cache-control': 'no-store' }).end(found.text);
        },
        (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${pathname}: ${error}`),
      );
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new SourceServer(server);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections(); // a browser keeps its connections open
    await closed;
  }
}
