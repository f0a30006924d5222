/**
 * The site: static files in site/.
 *
 *   npm run site                 builds them
 *   npm run site -- --serve      and serves them to this machine
 *   npm run site -- --measure    and measures what a person waits for, and what the pages weigh
 */
import { join } from 'node:path';
import type { ArgsDef } from 'citty';
import { markdownTable } from '../train/log/table.ts';
import { ROOT } from '../package/exports.ts';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { flagsOf } from '../train/cli/flags.ts';
import { serve } from './build/serve.ts';
import { buildSite } from './build/site.ts';
import { measureSite } from './measure.ts';

const FOLDER = join(ROOT, 'site');
const PORT = 8080;

const ARGS = {
  serve: { type: 'boolean', description: `serve it to this machine, at http://127.0.0.1:${PORT}` },
  measure: { type: 'boolean', description: 'measure what a person waits for in Chromium, and what the pages weigh' },
  help: { type: 'boolean', description: 'this text' },
} as const satisfies ArgsDef;

const HELP = `Builds the site, pages on which to study kernels, into site/: static files for any server.

${Object.entries(ARGS).map(([name, { description }]) => `  --${name.padEnd(9)} ${description}`).join('\n')}
`;

async function main(raw: readonly string[]): Promise<number> {
  try {
    const flags = flagsOf('site', ARGS, { least: 0, most: 0, name: 'word' }, raw, 'npm run site -- --help');
    if (flags.is('help')) {
      process.stdout.write(HELP);
      return 0;
    }
    const pages = await buildSite(FOLDER);
    console.log(`wrote ${pages.length} pages to ${FOLDER}`);
    if (flags.is('measure')) {
      const rows = (await measureSite(FOLDER)).map(({ what, value }) => [what, value]);
      console.log(markdownTable(['what', 'Chromium on its software adapter'], rows));
    }
    if (flags.is('serve')) {
      const { origin } = await serve(FOLDER, { port: PORT });
      console.log(`${origin}/ shows it; Ctrl-C ends that`);
    }
    return 0;
  } catch (error) {
    process.stderr.write(explain(error, raw.includes('--debug')));
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
