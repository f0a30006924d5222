/** Fixtures of `firstlight verify`. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { schema as blends } from '../../../train/verify/blending.ts';
import { readFixtures } from '../../../train/verify/folder.ts';
import { kindOf } from '../../../train/verify/index.ts';
import { officialSizes, sidecar } from '../../../train/verify/model.ts';
import { schema as ops } from '../../../train/verify/ops.ts';
import { schema as trajectories } from '../../../train/verify/optimizer.ts';
import { schema as schedules } from '../../../train/verify/schedule.ts';
import { schema as systems } from '../../../train/verify/systems.ts';
import { schema as templates } from '../../../train/verify/templates.ts';
import { schema as words } from '../../../train/verify/tokenizer.ts';
import { drawnBy } from '../bytes.ts';
import { at, written } from '../folder.ts';
import { holds, type Reader } from '../reader.ts';
import { anyJson } from '../texts.ts';

/** What each kind of fixture must be. */
export const SCHEMAS: Readonly<Record<string, readonly z.ZodType[]>> = { hf: [sidecar],
  official: [sidecar, officialSizes], ops: [ops], adamw: [trajectories], schedule: [schedules], blending: [blends],
  tokenizer: [words], templates: [templates], system: [systems] };

/** As it is, with a few entries of each list and object: enough to hold all that is looked at. */
export function shortened(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 2).map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value);
  const few = members.length > 20 ? members.slice(0, 2) : members;
  return Object.fromEntries(few.map(([name, own]) => [name, shortened(own)]));
}

const folder = fileURLToPath(new URL('../../fixtures/xclip/', import.meta.url));
const valid = readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) =>
  shortened(JSON.parse(readFileSync(`${folder}${name}`, 'utf8')))
);

export const fixture: Reader = {
  name: 'fixture',
  reasons: ['is not valid JSON', 'expected an object', 'unknown kind of fixture', 'expected'],
  draw: (random) => drawnBy(random, anyJson(valid)),
  async read(bytes) {
    written('fixtures/x.json', bytes);
    const [own] = await readFixtures(at('fixtures'));
    const kind = kindOf(own);
    for (const schema of SCHEMAS[kind] ?? []) own.described<unknown>(schema);
    holds(own.name === 'x', `it is called ${own.name}`);
  },
};
