import { type ArgsDef, type CommandDef, defineCommand } from 'citty';
import { SYSTEM_NAMES, type SystemName } from '../../model/systems/config.ts';
import { MULTI_VIEW } from '../data/views/clip_views.ts';
import { CLIP_ORDERS, DRAWN_CLASSES, DRAWS, type Protocol, PROTOCOLS, SPLITS } from '../protocols/protocol.ts';
import { loadConfig, runName } from '../run/config.ts';
import { configKeys } from '../run/config_keys.ts';
import { nearest } from '../../engine/nearest.ts';
import { EXPERIMENTS } from '../protocols/paper.ts';
import { writable } from './file_names.ts';
import { type Flags, UsageError, type Words } from './flags.ts';

/** What a sub-command is made of: what citty parses and prints, and what it does. */
export interface Command {
  readonly definition: CommandDef;
  readonly args: ArgsDef;
  /** Whole command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Further text below the examples. */
  readonly notes?: () => string;
  readonly positionals: Words;
  run(flags: Flags): Promise<number>;
}

/** Flags that stand for a key of the configuration, by command. */
const SHORTCUTS = {
  train: { epochs: 'train.epochs', lr: 'optim.lr', batch: 'train.batch', seed: 'run.seed',
    precision: 'train.precision' },
  evaluate: { batch: 'run.evaluationBatch', precision: 'train.precision' },
  plan: { epochs: 'train.epochs', lr: 'optim.lr', batch: 'train.batch', precision: 'train.precision' },
} as const;
type Configured = keyof typeof SHORTCUTS;

const HINTS: Readonly<Record<string, string>> = { lr: 'rate', precision: 'f32|f16' };

const configFlags = (command: Configured): ArgsDef => ({
  ...Object.fromEntries(
    Object.entries(SHORTCUTS[command]).map((
      [name, key],
    ) => [name, { type: 'string', valueHint: HINTS[name] ?? 'n', description: key } as const]),
  ),
  set: { type: 'string', valueHint: 'key=value', description: 'any key of the configuration; may be repeated' },
});

function configOf(command: Configured, flags: Flags, file = flags.words[0]) {
  const shortcuts = Object.entries(SHORTCUTS[command]).flatMap(([name, key]) => {
    const value = flags.text(name);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  return loadConfig(file, [...shortcuts, ...flags.all('set')]);
}

/** Every key of the configuration, for the help of `train`. */
function keyList(): string {
  const lines = configKeys.map(({ key, fallback, description, isSection }) => {
    if (isSection) return `\n  ${key}: ${description}`;
    return `    ${key.padEnd(26)} ${
      (fallback === undefined ? 'required' : JSON.stringify(fallback)).padEnd(11)
    } ${description}`;
  });
  return `KEYS of the configuration, with their defaults\n${lines.join('\n')}`;
}

/** The system that a checkpoint is to be taken for. */
const SYSTEM_FLAG = { type: 'string', valueHint: 'system',
  description: `take the checkpoint for another system than it is: ${SYSTEM_NAMES.join(', ')}` } as const;
const systemOf = (flags: Flags): SystemName | undefined =>
  flags.text('system') === undefined ? undefined : flags.oneOf('system', SYSTEM_NAMES);

/** A file or folder that a flag names, to be written. */
function writableOf(flags: Flags, name: string): string | undefined {
  const path = flags.text(name);
  return path === undefined ? undefined : writable(path);
}

/** The run folder. */
const outOf = (flags: Flags) => writable(flags.text('out') ?? `runs/${runName(flags.words[0])}`);

/** How a run may end before its last step. */
const STATUS = `EXIT STATUS of a run that --resume goes on with

  130, 143, 129              Ctrl-C, SIGTERM, or a terminal that was closed, after the steps that were under way
  1, 3                       an error, such as a clip that cannot be read, after what was done is saved
  4                          the device was lost, or has no more memory
  5                          the disk did not take the last checkpoint: free some space first
  6                          the GPU hangs: it did not finish in 20 times as long as a step takes, nor in a minute`;

const PROTOCOL_NOTES = `PROTOCOLS

  single       one view of each clip: the middle of each segment, the middle of the picture
  multi-view   ${MULTI_VIEW.clips} clips x ${MULTI_VIEW.crops} crops: the short side becomes data.size, three squares lie along the long side; the
               clips are drawn by run.seed as in training, or evenly spread (--clips even); softmax is added up
  few-shot     one view, on the first split; several --checkpoint are trainings on several draws of shots
  zero-shot    one view, on the splits ${
  SPLITS.join(', ')
} of data.val ({split} in its path, or data.format=hmdb51); or,
               with --classes, on some classes: ${DRAWN_CLASSES} are drawn from one file by run.seed, --draws times,
               a shorter file or several are taken as they are; clips of other classes are left out

  Several measurements give their mean and sample deviation (n - 1). Numbers and report of a run are left in its folder
  as evaluation.PROTOCOL.NAME.json and .html, where NAME is that of the configuration, left out for config.yaml.`;

/** What is to be measured; flags of other protocols are refused. */
function askedOf(flags: Flags) {
  const protocol = flags.oneOf('protocol', PROTOCOLS);
  const [checkpoints, classes] = [flags.all('checkpoint'), flags.all('classes')];
  const onlyWith = (flag: string, own: Protocol, isGiven: boolean) => {
    if (isGiven && protocol !== own) throw new UsageError(`${flag} goes with --protocol ${own}, not with ${protocol}`);
  };
  onlyWith('several --checkpoint', 'few-shot', checkpoints.length > 1);
  onlyWith('--clips', 'multi-view', flags.text('clips') !== undefined);
  onlyWith('--classes', 'zero-shot', classes.length > 0);
  if (flags.text('draws') !== undefined && classes.length !== 1) {
    throw new UsageError('--draws goes with one --classes, the file that is drawn from');
  }
  return { protocol, checkpoints, classes, draws: flags.whole('draws', 1) ?? DRAWS,
    clips: flags.text('clips') === undefined ? CLIP_ORDERS[0] : flags.oneOf('clips', CLIP_ORDERS) };
}

/** The names to choose from, of `--labels` or of `--labels-file`; undefined if neither is given. */
async function labelsOf(flags: Flags): Promise<readonly string[] | undefined> {
  const [text, file] = [flags.text('labels'), flags.text('labels-file')];
  if (text !== undefined && file !== undefined) throw new UsageError('give --labels or --labels-file, not both');
  if (file === undefined) {
    if (text === undefined) return undefined;
    const { separateNames } = await import('./names.ts');
    return separateNames(text);
  }
  const { readNames } = await import('../data/sets/lists.ts');
  return readNames(file);
}

function command(name: string, description: string, body: Omit<Command, 'definition'>): Command {
  const args = { ...body.args,
    debug: { type: 'boolean', description: 'show where an error came from' } } satisfies ArgsDef;
  return { ...body, args, definition: defineCommand({ meta: { name, description }, args }) as CommandDef };
}

/** The sub-commands, in the order the help lists them. */
export const commands: Readonly<Record<string, Command>> = {
  demo: command('demo', 'Writes a small set of real video files, trains X-CLIP on it, and shows what it learned', {
    args: {
      seed: { type: 'string', default: '1024', valueHint: 'n',
        description: 'of every random draw; the same seed gives the same numbers on one adapter' },
      smoke: { type: 'boolean',
        description: 'a short run that shows that all parts work; it does not reach the targets' },
      patient: { type: 'boolean', description: 'train in full on an adapter that takes hours, too' },
      precision: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how weights and activations are stored; f16 takes half the memory' },
      out: { type: 'string', valueHint: 'folder',
        description: 'where the run is left; by default a new folder under runs/' },
      data: { type: 'string', valueHint: 'folder',
        description: 'where the data set is written, and found by the next run of its seed' },
    },
    positionals: { least: 0, most: 0, name: '' },
    examples: [
      ['firstlight demo', 'train, evaluate, and write a report, in some minutes'],
      ['firstlight demo --smoke --out runs/try', 'the same path, much shorter'],
    ],
    async run(flags) {
      const seed = flags.whole('seed', 0) as number;
      const { demo } = await import('../commands/demo.ts');
      return demo({ seed, precision: flags.oneOf('precision', ['f32', 'f16']), smoke: flags.is('smoke'),
        patient: flags.is('patient'), out: writableOf(flags, 'out'), data: writableOf(flags, 'data') });
    },
  }),
  train: command('train', 'Trains X-CLIP on your own clips, as a YAML configuration says', {
    args: {
      config: { type: 'positional', description: 'YAML file; train/configs/ has some to start from' },
      out: { type: 'string', valueHint: 'folder',
        description: 'run folder: log, checkpoints, configuration (default: runs/ and the name of the file)' },
      resume: { type: 'boolean', description: 'go on from the last checkpoint in the run folder' },
      'allow-change': { type: 'string', valueHint: 'key',
        description: 'with --resume: this key may have another value than before; may be repeated' },
      ...configFlags('train'),
    },
    positionals: { least: 1, most: 1, name: 'a configuration' },
    examples: [
      ['firstlight train hmdb51.yaml', 'train into runs/hmdb51'],
      ['firstlight train hmdb51.yaml --epochs 10 --set optim.weightDecay=0.01', 'other values than the file has'],
      ['firstlight train hmdb51.yaml --resume', 'go on after Ctrl-C, bit for bit as if never stopped'],
      ['firstlight train hmdb51.yaml --resume --lr 1e-6 --allow-change optim.lr', 'go on with another learning rate'],
    ],
    notes: () => `${keyList()}\n\n${STATUS}`,
    async run(flags) {
      const config = configOf('train', flags);
      const allowed = flags.all('allow-change');
      if (allowed.length > 0 && !flags.is('resume')) {
        throw new UsageError('--allow-change goes with --resume: a run that begins has no values yet');
      }
      for (const key of allowed) {
        if (configKeys.some((known) => known.key === key && !known.isSection)) continue;
        const guess = nearest(key, configKeys.map((known) => known.key));
        throw new UsageError(`--allow-change ${key} is not a key of the configuration`,
          guess === undefined ? '`firstlight train --help` lists every key' : `did you mean ${guess}?`);
      }
      const { train } = await import('../commands/train.ts');
      return train(config, { out: outOf(flags), resume: flags.is('resume'), allowed });
    },
  }),
  check: command('check', 'Looks at all that a run needs, and decodes every file of its lists, before it is trained', {
    args: {
      config: { type: 'positional', description: 'YAML file, as for train' },
      out: { type: 'string', valueHint: 'folder', description: 'run folder that train will be given' },
      report: { type: 'string', valueHint: 'file',
        description: 'where all that was found goes; JSON if it ends in .json (default: beside the configuration)' },
      jobs: { type: 'string', valueHint: 'n', description: 'processes that decode (default: one for each core)' },
      ...configFlags('train'),
    },
    positionals: { least: 1, most: 1, name: 'a configuration' },
    examples: [
      ['firstlight check hmdb51.yaml', 'say all that is wrong, and write cleaned lists beside the old ones'],
      ['firstlight check hmdb51.yaml --report hmdb51.json', 'the same for a script; after Ctrl-C it goes on'],
    ],
    notes: () =>
      `Files that have not changed since an earlier check are not decoded again: NAME.check.jsonl, beside the
configuration, keeps what was found. A list that has bad lines gets a neighbour LIST.checked.txt without them.`,
    async run(flags) {
      const config = configOf('train', flags);
      const { check } = await import('../commands/check.ts');
      const [file] = flags.words;
      return check(config, { file, out: outOf(flags), report: writableOf(flags, 'report'),
        jobs: flags.whole('jobs', 1) });
    },
  }),
  plan: command('plan', 'Says what a run would take: parameters, memory, arithmetic, steps, learning rate, days', {
    args: {
      'config...': { type: 'positional', description: 'YAML files, as for train; of several, a table' },
      clips: { type: 'string', valueHint: 'n', description: 'clips to train on, where data.train is not there yet' },
      ...configFlags('plan'),
    },
    positionals: { least: 1, most: Infinity, name: 'a configuration' },
    examples: [
      ['firstlight plan train/configs/k400/32_8.yaml', 'neither the videos nor the checkpoint need be there'],
      ['firstlight plan mine.yaml --clips 5000 --batch 32 --set train.accumulation=8',
        'other values than the file has'],
      ['firstlight plan train/configs/*/*.yaml', 'all experiments of the paper, without the days they take'],
    ],
    async run(flags) {
      const files = flags.words.map((file) => ({ file, config: configOf('plan', flags, file) }));
      const clips = flags.whole('clips', 1);
      const { plan } = await import('../commands/plan.ts');
      return plan(files, { clips });
    },
  }),
  evaluate: command('evaluate',
    "Measures checkpoints on the list data.val of a configuration, in the paper's protocols", {
    args: {
      config: { type: 'positional', description: 'YAML file, such as the config.yaml of a run folder' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description: 'what to evaluate: a checkpoint, or the folder of a run (required); few-shot: may be repeated' },
      protocol: { type: 'string', default: 'single', valueHint: PROTOCOLS.join('|'),
        description: 'single: one view of each clip; for the others see below' },
      clips: { type: 'string', valueHint: CLIP_ORDERS.join('|'),
        description: 'multi-view: how its four clips lie in a video (default: random)' },
      classes: { type: 'string', valueHint: 'file',
        description: 'zero-shot: names to choose from, one a line or a labels.csv; may be repeated' },
      draws: { type: 'string', valueHint: 'n',
        description: `zero-shot: draws of ${DRAWN_CLASSES} classes from one --classes (default: ${DRAWS})` },
      system: SYSTEM_FLAG,
      json: { type: 'string', valueHint: 'file', description: 'write the numbers to this file, too' },
      out: { type: 'string', valueHint: 'folder',
        description: 'where numbers and a report are left (default: the run folder that is evaluated)' },
      ...configFlags('evaluate'),
    },
    positionals: { least: 1, most: 1, name: 'a configuration' },
    examples: [
      ['firstlight evaluate runs/hmdb51/config.yaml --checkpoint runs/hmdb51', 'evaluate a run'],
      ['firstlight evaluate runs/k400/config.yaml --checkpoint runs/k400 --protocol multi-view',
        'in 12 views of each clip'],
      ['firstlight evaluate hmdb51.yaml --checkpoint runs/k400 --protocol zero-shot --json zero_shot.json',
        'on three splits, the numbers into a file, too'],
    ],
    notes: () => PROTOCOL_NOTES,
    async run(flags) {
      flags.required('checkpoint', 'runs/hmdb51');
      const config = configOf('evaluate', flags);
      const asked = askedOf(flags);
      const { evaluate } = await import('../commands/evaluate.ts');
      return evaluate(config, { ...asked, name: runName(flags.words[0]), system: systemOf(flags),
        json: writableOf(flags, 'json'), out: writableOf(flags, 'out') });
    },
  }),
  predict: command('predict', 'Says which of your labels fits a video best', {
    args: {
      'file...': { type: 'positional',
        description:
          'video files: mp4, mov, webm, mkv, avi, mpg, ts, flv, wmv, ogv, gif; or folders, with all in them' },
      labels: { type: 'string', valueHint: '"a, b, c"',
        description:
          'names to choose from, separated by commas; one that holds a comma is quoted: "\'a, b\', c"; a system with a head has its own' },
      'labels-file': { type: 'string', valueHint: 'file',
        description: 'names to choose from, one a line, or a labels.csv; instead of --labels' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description: 'config.json, model.safetensors, tokenizer; or the folder of a run (required)' },
      system: SYSTEM_FLAG,
      precision: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how weights and activations are stored; f16 takes half the memory' },
      templates: { type: 'string', default: 'none', valueHint: 'none|paper|actionclip',
        description: 'sentences that each name is put into; what they say is averaged' },
      'template-mean': { type: 'string', default: 'softmax', valueHint: 'softmax|logits|embeddings',
        description: 'what is averaged over templates' },
      top: { type: 'string', default: '5', valueHint: 'n', description: 'how many names to print' },
      json: { type: 'boolean', description: 'print JSON' },
    },
    positionals: { least: 1, most: Infinity, name: 'a video file' },
    examples: [
      ['firstlight predict clip.mp4 --labels "juggling, surfing" --checkpoint xclip-base-patch32', ''],
      ['firstlight predict *.mp4 --labels-file labels.csv --checkpoint xclip-base-patch32 --json --top 1',
        'many files, for a script'],
    ],
    async run(flags) {
      const labels = await labelsOf(flags);
      const checkpoint = flags.required('checkpoint', 'xclip-base-patch32');
      const top = flags.whole('top', 1) as number;
      const { predict } = await import('../commands/predict.ts');
      return predict({ files: [...flags.words], labels, checkpoint, system: systemOf(flags),
        precision: flags.oneOf('precision', ['f32', 'f16']),
        wording: { templates: flags.oneOf('templates', ['none', 'paper', 'actionclip']),
          mean: flags.oneOf('template-mean', ['softmax', 'logits', 'embeddings']) }, top, json: flags.is('json') });
    },
  }),
  table: command('table', "Prints the paper's numbers, and those of your runs beside them", {
    args: {
      experiment: { type: 'positional', description: `one of ${EXPERIMENTS.join(', ')}` },
      'run...': { type: 'positional', required: false,
        description: 'run folders, and files that evaluate --json wrote' },
      json: { type: 'boolean', description: 'print JSON' },
    },
    positionals: { least: 1, most: Infinity, name: 'an experiment' },
    examples: [
      ['firstlight table k400 runs/32_8', 'a run beside tables 1 to 5 of the paper, and what keeps both apart'],
      ['firstlight table few-shot runs/16_32_k*', 'several runs'],
      ['firstlight table zero-shot --json', "the paper's numbers alone, for a script"],
    ],
    async run(flags) {
      const [word, ...runs] = flags.words;
      const experiment = EXPERIMENTS.find((each) => each === word);
      if (experiment === undefined) {
        const guess = nearest(word, EXPERIMENTS);
        throw new UsageError(`table: there is no experiment "${word}"`,
          `${guess === undefined ? '' : `did you mean ${guess}? `}Experiments: ${EXPERIMENTS.join(', ')}`);
      }
      const { table } = await import('../commands/table.ts');
      return table({ experiment, runs, json: flags.is('json') });
    },
  }),
  verify: command('verify', 'Checks this installation, on this adapter, against outputs of reference implementations', {
    args: {
      'folder...': { type: 'positional', description: 'folders with fixtures' },
      dtype: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how tensors are stored; f16 is compared with what its rounding allows' },
      variant: { type: 'string', valueHint: 'name|all',
        description:
          'run kernels in this variant, or in all of them in turn; without it, in what the adapter chooses' },
      json: { type: 'string', valueHint: 'file', description: 'write every comparison to this file' },
      vocab: { type: 'string', valueHint: 'folder',
        description: "CLIP's vocabulary (vocab.json and merges.txt, or tokenizer.json), for the tokenizer's fixtures" },
    },
    positionals: { least: 1, most: Infinity, name: 'a folder with fixtures' },
    examples: [
      ['firstlight verify test/fixtures/xclip', 'one line for each fixture, exit status 1 if any fails'],
      ['firstlight verify test/fixtures/xclip --dtype f16', 'the same, stored in half precision'],
      ['firstlight verify test/fixtures/xclip --variant all',
        'with every variant of the kernels that this adapter can run'],
      ['firstlight verify fixtures/xclip fixtures/systems --vocab clip_vocab --json verify.json', ''],
    ],
    async run(flags) {
      const { verify } = await import('../commands/verify.ts');
      return verify({ folders: [...flags.words], type: flags.oneOf('dtype', ['f32', 'f16']),
        json: writableOf(flags, 'json'), vocab: flags.text('vocab'), variant: flags.text('variant') });
    },
  }),
  kernel: command('kernel',
    'Prints the WGSL that a case of a kernel is run with, ready to paste into any WebGPU project', {
    args: {
      name: { type: 'positional', required: false, description: 'a room of kernels/; without it, a list of them' },
      variant: { type: 'string', valueHint: 'name',
        description: 'print this variant; without it, what would run on this adapter' },
      case: { type: 'string', valueHint: 'text',
        description: 'a case or workload, or a part of its name; the first case without it' },
      gradient: { type: 'boolean', description: 'the programs of the gradient' },
      dtype: { type: 'string', default: 'f32', valueHint: 'f32|f16', description: 'how tensors are stored' },
      list: { type: 'boolean', description: 'kernels, variants, cases and workloads of the room' },
    },
    positionals: { least: 0, most: 1, name: 'a room' },
    examples: [
      ['firstlight kernel gelu', 'the linked program of its first case, with bindings, params and grid'],
      ['firstlight kernel attention --variant quad --gradient', 'the gradient, in a variant'],
      ['firstlight kernel matmul --list', 'what there is to choose from'],
    ],
    async run(flags) {
      const type = flags.oneOf('dtype', ['f32', 'f16']);
      const { kernel } = await import('../commands/kernel.ts');
      return kernel({ name: flags.words[0], variant: flags.text('variant'), case: flags.text('case'),
        gradient: flags.is('gradient'), type, list: flags.is('list') });
    },
  }),
  doctor: command('doctor', 'Shows adapter, driver, features and limits, what is missing, and the remedy', {
    args: { json: { type: 'boolean', description: 'print JSON' } },
    positionals: { least: 0, most: 0, name: '' },
    examples: [['firstlight doctor', ''], ['firstlight doctor --json', 'for a script or a bug report']],
    async run(flags) {
      const { doctor } = await import('../commands/doctor.ts');
      return doctor({ json: flags.is('json') });
    },
  }),
};
