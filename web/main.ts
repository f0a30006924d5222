/** `npm run site`: static files in site/. `--serve` builds them and serves them to this machine. */
import { join } from 'node:path';
import { exitCodeOf, explain } from '../train/cli/failure.ts';
import { serve } from './build/serve.ts';
import { buildSite, ROOT } from './build/site.ts';

const FOLDER = join(ROOT, 'site');

try {
  const pages = await buildSite(FOLDER);
  console.log(`site: ${pages.length} pages in ${FOLDER}`);
  if (process.argv.includes('--serve')) {
    const { origin } = await serve(FOLDER, { port: 8080 });
    console.log(`${origin}/ — Ctrl-C ends it`);
  }
} catch (error) {
  process.stderr.write(explain(error, process.argv.includes('--debug')));
  process.exitCode = exitCodeOf(error);
}
