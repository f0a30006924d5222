/** What hinders people from reading a page in the browser, found by axe-core. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** The violations on a page as it is now, a line for each of the first of a kind; and whether it scrolls sideways. */
export async function hindrancesOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations;
  });
  const lines = violations.map(({ id, help, nodes }) =>
    `${id}, ${nodes.length} of it: ${help}: ${
      nodes.slice(0, 3).map(({ target, failureSummary }) =>
        `${target.join(' ')}: ${failureSummary.replace(/\s+/g, ' ')}`
      ).join('; ')
    }`
  );
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  return [...lines, ...(wide > window ? [`the page is ${wide} pixels wide in a window of ${window}`] : [])];
}
