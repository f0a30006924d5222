/**
 * `npm run lint`: types, rules, form, lines, links of pages, and who may import whom; ends with 1 if any of them finds
 * something. `npm test` holds all of it too.
 */
import { type Check, checks, failuresOf } from './checks.ts';

/** Rules that are tests by themselves. */
const imports: Check = { name: 'imports', holds: 'files import only what they may',
  find: () => failuresOf('node_modules/tsx/dist/cli.mjs', ['test/imports.test.ts']) };

let found = 0;
// those that are processes of their own run beside the others
await Promise.all([...checks, imports].map(async ({ name, find }) => {
  const findings = await find();
  found += findings.length;
  console.log([`${findings.length === 0 ? 'ok  ' : 'FAIL'}  ${name}`, ...findings].join('\n      '));
}));
console.log(found === 0 ? 'nothing found' : `${found} lines to look at`);
process.exitCode = found === 0 ? 0 : 1;
