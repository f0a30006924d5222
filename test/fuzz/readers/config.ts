import { existsSync } from 'node:fs';
import type { Random } from '../../../engine/random.ts';
import { formatConfig, parseConfig } from '../../../train/run/config.ts';
import { configKeys } from '../../../train/run/config_keys.ts';
import { anyBytes, drawnBy, edge, lengthOf, pick } from '../bytes.ts';
import { holds, type Reader } from '../reader.ts';
import { anyJson, bytesOf, mutatedText, nested, piece } from '../texts.ts';

const VALUE = { model: { preset: 'tiny', dropPath: 0.1 },
  data: { train: 'a.txt', val: 'b.txt', labels: 'l.csv', roots: ['more'] }, optim: { betas: [0.9, 0.98], lr: 8e-4 },
  train: { steps: 3, batch: 4 }, run: { seed: 3 } };
const TEXT = `model: { preset: tiny }
data:
  train: &t a.txt   # a comment
  val: *t
  labels: 'l.csv'
  roots: [more, "and more"]
train: { steps: 30, batch: 8, accumulation: 2 }
optim:
  lr: 8e-4
  betas: [0.9, 0.98]
`;
const KEYS = configKeys.filter(({ isSection }) => !isSection).map(({ key }) => key);

/** Known keys with any values. */
function keyed(random: Random): string {
  const sections = new Map<string, string[]>([['model', ['preset: tiny']], ['data', ['train: a', 'labels: b']]]);
  for (let i = 1 + lengthOf(random, 5); i > 0; i--) {
    const [section, ...names] = pick(random, KEYS).split('.');
    const own = pick(random, [() => String(edge(random)), () => piece(random), () => String(random.below(100) / 10),
      () =>
        pick(random, ['null', 'true', '[]', '{}', '[1, 2]', 'B/32', '~', '.inf', '.nan', '-0', '0x10',
          '2001-01-01'])])();
    sections.set(section, [...sections.get(section) ?? [],
      `${names.join(': {')}: ${own}${'}'.repeat(names.length - 1)}`]);
  }
  return [...sections].map(([section, lines]) => `${section}:\n${lines.map((line) => `  ${line}\n`).join('')}`).join(
    '',
  );
}

/** What YAML can do, and nobody means. */
const HOSTILE: readonly ((random: Random) => string)[] = [
  (random) => `a: ${nested(random)}`,
  (random) => Array.from({ length: 2 + lengthOf(random, 3000) }, (_, i) => `k${i}: 1`).join('\n'),
  (random) => 'a: 1\n'.repeat(2 + lengthOf(random, 1500)),
  (random) => `data: {train: &a [*a], labels: ${piece(random)}}`,
  (random) =>
    `data:\n${
      Array.from({ length: 1 + random.below(12) }, (_, i) =>
        `  x${i}: &x${i} [${i === 0 ? 'a' : Array(9).fill(`*x${i - 1}`).join(', ')}]`).join('\n')
    }`,
  (random) => `${'? '.repeat(1 + lengthOf(random, 5000))}a`,
  (random) => `${'- '.repeat(1 + lengthOf(random, 5000))}a`,
  (random) => `${piece(random)}: !!js/function "x"`,
  (random) => `a: |${'\n  x'.repeat(lengthOf(random, 10_000))}`,
  (random) => 'k'.repeat(lengthOf(random, 2 ** 18)),
  () => '%YAML 9.9\n---\n--- {}\n',
];

export const config: Reader = {
  name: 'config',
  reasons: ['nested deeper than', 'is not a key', 'map keys must be unique', 'this alias', 'may hold no alias',
    'letters, at most', 'expected', 'must be', 'problems'],
  draw: (random) =>
    drawnBy(random, [...anyBytes([bytesOf(TEXT)], 512), ...anyJson([VALUE]), [4, () =>
      bytesOf(mutatedText(random, TEXT))], [6, () => bytesOf(keyed(random))], [1, () =>
      bytesOf(pick(random, HOSTILE)(random))]]),
  aimed: {
    'nested deeper than': (random) => bytesOf(`a: ${'['.repeat(80 + random.below(1000))}`),
    'map keys must be unique': (random) => bytesOf(`${TEXT}${pick(random, ['model', 'data', 'train'])}: {}\n`),
    'this alias': (random) => bytesOf(`${TEXT}run: *x${random.below(100)}\n`),
    'may hold no alias': (random) => bytesOf(`a${random.below(100)}: &a 1\nb: &b [*a]\nc: *b\n`),
    'letters, at most': (random) => bytesOf('k'.repeat(2 ** 16 + 1 + random.below(100))),
  },
  read(bytes) {
    const text = Buffer.from(bytes).toString();
    const found = parseConfig(text, '/f/c.yaml', bytes.length % 5 === 0 ? [`run.name=${text.slice(0, 40)}`] : []);
    // what is kept of it in a run folder is the same configuration
    const kept = formatConfig(found);
    holds(formatConfig(parseConfig(kept, '/f/config.yaml')) === kept, 'what a run keeps of it reads otherwise');
    const { steps, batch, accumulation } = found.train;
    for (const [name, value] of Object.entries({ steps, batch, accumulation })) {
      if (value === null || value === undefined) continue;
      holds(Number.isSafeInteger(value) && value > 0, `train.${name} is ${value}`);
    }
    holds(!existsSync('/f'), 'a folder was made');
  },
};
