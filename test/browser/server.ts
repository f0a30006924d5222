import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const ROOT = new URL('../../', import.meta.url);

/**
 * Only sources of these folders, and not what prepares Node; and fixtures of systems. A path that climbs, or hides
 * something behind an escape, does not match.
 */
const SERVED =
  /^\/(?:(?!engine\/setup\/)(?:engine|kernels|model|mpi|train|test)\/(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.(?<source>ts|mjs|wgsl|html)|test\/fixtures\/systems\/\w+\.(?<fixture>json|safetensors))$/;
/** Packages that sources name, each as one module. */
const PACKAGE = /^\/packages\/(@huggingface\/tokenizers|entities|zod)\.js$/;

const CONTENT_TYPES: Readonly<Record<string, string>> = { ts: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8', wgsl: 'text/plain; charset=utf-8', html: 'text/html; charset=utf-8',
  json: 'application/json', safetensors: 'application/octet-stream' };

/** What a browser gets for a path, and its kind. */
interface Given {
  readonly type: string;
  readonly content: string | Uint8Array;
}

/** What is given for a path; undefined for everything that is not served. */
async function page(path: string): Promise<Given | undefined> {
  const named = PACKAGE.exec(path)?.[1];
  if (named !== undefined) return { type: CONTENT_TYPES.mjs, content: await bundled(named) };
  const { source, fixture } = SERVED.exec(path)?.groups ?? {};
  const extension = source ?? fixture;
  if (extension === undefined) return undefined;
  let content: Uint8Array;
  try {
    content = await readFile(new URL(path.slice(1), ROOT));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (extension !== 'ts') return { type: CONTENT_TYPES[extension], content };
  const { code } = await transform(content, { loader: 'ts', format: 'esm', target: 'es2022', sourcefile: path,
    sourcemap: 'inline' });
  return { type: CONTENT_TYPES.ts, content: code };
}

/** A package as one module. */
async function bundled(name: string): Promise<Uint8Array> {
  const { outputFiles: [{ contents }] } = await build({ bundle: true, format: 'esm', write: false,
    stdin: { contents: `export * from '${name}';`, resolveDir: fileURLToPath(ROOT) } });
  return contents;
}

/**
 * The repository's sources over HTTP, for this machine alone: TypeScript file by file without its types, and
 * packages.
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
          } else {response.writeHead(200, { 'content-type': found.type, 'cache-control': 'no-store' }).end(
              found.content,
            );}
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
