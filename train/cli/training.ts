/** Commands that train, and that say what a training would take. */
import { nearest } from '../../engine/nearest.ts';
import { runName } from '../run/config.ts';
import { configKeys } from '../run/config_keys.ts';
import { command, type Commands, configFlags, configOf, writableOf } from './command.ts';
import { writable } from './file_names.ts';
import { type Flags, UsageError } from './flags.ts';
import { together } from './together.ts';

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

/** The run folder. */
const outOf = (flags: Flags) => writable(flags.text('out') ?? `runs/${runName(flags.words[0])}`);

/** How a run may end before its last step. */
const STATUS = `EXIT STATUS of a run that --resume goes on with

  130, 143, 129              Ctrl-C, SIGTERM, or a terminal that was closed, after the steps that were under way
  1, 3                       an error, such as a clip that cannot be read, after what was done is saved
  4                          the device was lost, or has no more memory
  5                          the disk did not take the last checkpoint: free some space first
  6                          the GPU hangs: it did not finish in 20 times as long as a step takes, nor in a minute`;

/** In the order the help lists them. */
export const training = {
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
    isShared: true,
    positionals: { least: 1, most: 1, name: 'a configuration' },
    examples: [
      ['firstlight train hmdb51.yaml', 'train into runs/hmdb51'],
      ['firstlight train hmdb51.yaml --epochs 10 --set optim.weightDecay=0.01', 'other values than the file has'],
      ['firstlight train hmdb51.yaml --resume', 'go on after Ctrl-C, bit for bit as if never stopped'],
      ['firstlight train hmdb51.yaml --resume --lr 1e-6 --allow-change optim.lr', 'go on with another learning rate'],
    ],
    notes: () => `${keyList()}\n\n${STATUS}`,
    async run(flags) {
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
      const options = { out: outOf(flags), resume: flags.is('resume'), allowed };
      return together(() => configOf('train', flags), (config, world) => train(config, options, world));
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
      ranks: { type: 'string', valueHint: 'n',
        description:
          'say what a step takes on so many devices like this one, and on 1 to 64, from what is measured here' },
      gbit: { type: 'string', valueHint: 'rate',
        description: 'with --ranks: of the line of each, in gigabits a second; ranks of one host share its line' },
      ...configFlags('plan'),
    },
    positionals: { least: 1, most: Infinity, name: 'a configuration' },
    examples: [
      ['firstlight plan train/configs/k400/32_8.yaml', 'neither the videos nor the checkpoint need be there'],
      ['firstlight plan mine.yaml --clips 5000 --batch 32 --set train.accumulation=8',
        'other values than the file has'],
      ['firstlight plan mine.yaml --ranks 8 --gbit 25', 'on eight cards like this one, each with 25 Gbit/s'],
      ['firstlight plan train/configs/*/*.yaml', 'all experiments of the paper, without the days they take'],
    ],
    async run(flags) {
      const clips = flags.whole('clips', 1);
      const [ranks, gbit] = [flags.whole('ranks', 1), flags.positive('gbit')];
      if ((ranks === undefined) !== (gbit === undefined)) {
        throw new UsageError('plan: --ranks and --gbit go together', 'for example --ranks 8 --gbit 25');
      }
      if (ranks !== undefined && flags.words.length > 1) throw new UsageError('plan: --ranks is of one configuration');
      const files = flags.words.map((file) => ({ file, config: configOf('plan', flags, file) }));
      const { plan } = await import('../commands/plan.ts');
      return plan(files, { clips, ...(ranks !== undefined && gbit !== undefined && { cluster: { ranks, gbit } }) });
    },
  }),
} satisfies Commands;
