/**
 * Trainings as small as may be on several numbers of ranks, whose weights and moments must be the same, bit for bit;
 * and ranks that are killed, frozen or cut off, after which the next start must come to those bits, too. What came out
 * stands in test/RANKS.md.
 *
 *   npm run ranks -- --library openmpi --ranks 1,2,4              all parts, half an hour on two cores
 *   npm run ranks -- hashes kills --library mpich                 some of them
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ends, kills, twoHosts } from './ends.ts';
import { chain, hashes } from './hashes.ts';
import { type Found, Laboratory } from './laboratory.ts';
import { having } from './launch.ts';
import { writeSection } from './page.ts';
import { steps } from './steps.ts';

const PAGE = fileURLToPath(new URL('../RANKS.md', import.meta.url));

const { values, positionals: words } = parseArgs({ allowPositionals: true,
  options: { library: { type: 'string', default: 'openmpi' }, ranks: { type: 'string', default: '1,2,4' } } });
const family = values.library === 'mpich' ? 'mpich' : 'openmpi';
const [{ found, has, why }, other] = [await having(family), await having(family === 'mpich' ? 'openmpi' : 'mpich')];
if (!has) throw new Error(why);

const counts = values.ranks.split(',').map(Number);
const PARTS: Readonly<Record<string, (lab: Laboratory) => Found | Promise<Found>>> = {
  hashes: (lab) => hashes(lab, counts),
  chain,
  kills,
  ends: (lab) => ends(lab, other.has ? other.found : undefined),
  steps: (lab) => steps(lab, counts),
  // MPICH goes by shared memory between namespaces
  ...(family === 'openmpi' && { hosts: twoHosts }),
};
const unknown = words.find((word) => !Object.hasOwn(PARTS, word));
if (unknown !== undefined) throw new Error(`there is no part "${unknown}"; there are ${Object.keys(PARTS).join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'firstlight-ranks-'));
let failed = 0;
try {
  const lab = await Laboratory.open(family, found, folder);
  for (const [name, part] of Object.entries(PARTS)) {
    if (words.length > 0 && !words.includes(name)) continue;
    const result = await part(lab);
    console.log(`${result.title}\n\n${result.table}\n`);
    writeSection(PAGE, result);
    failed += result.failed;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed === 0 ? 0 : 1);
