/** A folder over HTTP, for this machine alone. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript',
  '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.json': 'application/json', '.wgsl': 'text/plain' };

export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * @param options `port`, 0 for any that is free; `under`, a path that the folder is served under, as GitHub Pages does
 */
export async function serve(folder: string,
  { port = 0, under = '' }: { readonly port?: number; readonly under?: string } = {}): Promise<Served> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(text);
    const { method = '', headers: { host = '' } } = request;
    if (method !== 'GET' && method !== 'HEAD') return answer(405, 'pages are read, and nothing else');
    // another name that leads to this machine is that of a page elsewhere, which would read what is served here
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return answer(403, 'this is served to this machine alone');
    const pathname = pathOf(request.url);
    const path = pathname === undefined ? undefined : await fileOf(folder, under, pathname);
    if (path === undefined) return answer(pathname === undefined ? 400 : 404, 'there is no such page');
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    if (method === 'HEAD') response.end();
    else createReadStream(path).on('error', () => response.destroy()).pipe(response);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => close(server) };
}

/** The path of what is asked for; undefined if that is no address. */
function pathOf(url = '/'): string | undefined {
  try {
    return new URL(url, 'http://127.0.0.1').pathname;
  } catch {
    return undefined;
  }
}

/** The file that a path of an address is of, or undefined: nothing outside of the folder is served. */
async function fileOf(folder: string, under: string, pathname: string): Promise<string | undefined> {
  if (!pathname.startsWith(`${under}/`)) return undefined;
  let path: string;
  try {
    path = normalize(join(folder, decodeURIComponent(pathname.slice(under.length))));
  } catch {
    return undefined; // an escape that is none
  }
  if (path !== folder && !path.startsWith(folder + sep)) return undefined;
  const found = await stat(path).catch(() => undefined); // what cannot be looked at is answered as what is not there
  if (found?.isDirectory() === true) {
    return fileOf(folder, '', `${pathname.slice(under.length).replace(/\/$/, '')}/index.html`);
  }
  return found?.isFile() === true ? path : undefined;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections(); // a browser keeps its connections open
  await closed;
}
