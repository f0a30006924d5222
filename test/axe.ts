/** What hinders people from reading a page in the browser, found by axe-core. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import * as assert from './assert.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** Pixels: a screen, what a zoom of 200 % leaves of it, a phone. */
const WIDTHS = [1280, 640, 390];
/** In which colours axe looks at it: they are the same at every width. */
const SCHEMES: Readonly<Record<number, readonly ('light' | 'dark')[]>> = { 1280: ['dark'], 640: [], 390: ['light'] };

/**
 * Asserts that nothing hinders anybody from reading a page as it is now: light and dark, large and small. A test that
 * wants it asks for reduced motion when it opens the page.
 */
export async function isForEverybody(page: Page): Promise<void> {
  await page.evaluate(AXE);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= window, `the page is ${wide} pixels wide in a window of ${window}`);
    for (const colorScheme of SCHEMES[width]) {
      await page.emulateMedia({ colorScheme });
      assert.equal(await violationsOn(page), [], `${width} pixels, ${colorScheme}`);
    }
  }
  assert.is(await page.evaluate('document.getAnimations().length'), 0);
}

/** A line for each kind of violation. */
async function violationsOn(page: Page): Promise<readonly string[]> {
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations;
  });
  return violations.map(({ id, help, nodes }) =>
    `${id}, ${nodes.length} of it: ${help}: ${
      nodes.slice(0, 3).map(({ target, failureSummary }) =>
        `${target.join(' ')}: ${failureSummary.replace(/\s+/g, ' ')}`
      ).join('; ')
    }`
  );
}
