/** The built site, served under a sub-path as GitHub Pages does, and open in Chromium. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { canBundle } from '../../package/package.ts';
import { type Served, serve } from '../../web/build/serve.ts';
import { buildSite } from '../../web/build/site.ts';
import { launchChromium } from './chromium.ts';

const UNDER = '/a/b';
const isLeftOut = process.env.FIRSTLIGHT_SKIP_BROWSER === '1';

/** Whether this machine can have the site in a browser, and why not. */
export const canOpenSite = !isLeftOut && canBundle;
export const whyNot = isLeftOut
  ? 'FIRSTLIGHT_SKIP_BROWSER=1'
  : 'the bundler, which cannot read # or ? in the path of the project';

/** How a page is opened. */
export interface Opening extends BrowserContextOptions {
  /** Runs in the page before anything else. */
  readonly before?: string;
  /** Runs in the worker before anything else; or the worker cannot be loaded; or this is all of it. */
  readonly worker?: { readonly before: string } | 'missing' | { readonly instead: string };
}

/** A page of the site. */
export interface Opened {
  readonly page: Page;
  /** What the browser complained about so far. */
  readonly problems: string[];
  /** The worker, and parts of pages, are loaded as they are from now on. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

const WORKER = '**/assets/worker-*.js';

export class Site {
  readonly folder: string;
  readonly pages: readonly string[];
  readonly #browser: Browser;
  readonly #server: Served;

  private constructor(folder: string, pages: readonly string[], browser: Browser, server: Served) {
    this.folder = folder;
    this.pages = pages;
    this.#browser = browser;
    this.#server = server;
  }

  /** Builds the site into a temporary folder. */
  static async open(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), 'firstlight-site-'));
    const pages = await buildSite(folder, []); // test/api_page.test.ts has the API's pages
    return new Site(folder, pages, await launchChromium(), await serve(folder, { under: UNDER }));
  }

  addressOf(path: string): string {
    return `${this.#server.origin}${UNDER}/${path}`;
  }

  /** Opens a page, with storage of its own. */
  async page(path: string, { before, worker, ...options }: Opening = {}): Promise<Opened> {
    const context = await this.#browser.newContext(options);
    if (before !== undefined) await context.addInitScript(before);
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    if (worker !== undefined) {
      await page.route(WORKER, async (route) => {
        if (worker === 'missing') return route.abort();
        const response = await route.fetch();
        const body = 'instead' in worker ? worker.instead : `${worker.before}\n${await response.text()}`;
        await route.fulfill({ response, body });
      });
    }
    await page.goto(this.addressOf(path));
    return { page, problems, mend: () => page.unrouteAll({ behavior: 'wait' }), close: () => context.close() };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
