/** Types of what can be imported, by the compiler. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { importsOf, resolve } from '../bench/imports/graph.ts';
import { wholeTypes } from './build.ts';
import { exported, ROOT, WHOLE } from './exports.ts';

/** What types of `using` need, whatever a user's target is. */
const DISPOSAL = '/// <reference lib="esnext.disposable" />\n';

/** The declarations of a source, named as JavaScript is. */
function declarations(text: string): string {
  const named = text.replace(/(\bfrom |\bimport\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2');
  return /Symbol\.(?:asyncD|d)ispose|\bDisposable\b|\[(?:asyncD|d)ispose\]/.test(named) ? DISPOSAL + named : named;
}

/** Writes the types of what can be imported, and of what those name. */
export function buildTypes(folder: string): void {
  const all = mkdtempSync(join(tmpdir(), 'firstlight-types-'));
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p',
      join(ROOT, 'package', 'tsconfig.json'), '--outDir', all], { stdio: 'inherit' });
    const pending = exported().map((path) => `${path}.ts`);
    const seen = new Set(pending);
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const name = path.replace(/\.(m?)ts$|\.(m)js$/, '.d.$1$2ts');
      const text = readFileSync(existsSync(join(all, name)) ? join(all, name) : join(ROOT, name), 'utf8');
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), declarations(text));
      for (const { target } of importsOf(text)) {
        const next = resolve(path, target);
        if (!target.startsWith('.') || seen.has(next)) continue;
        seen.add(next);
        pending.push(next);
      }
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
  writeFileSync(join(folder, WHOLE.replace('.js', '.d.ts')), wholeTypes());
}
