/** Commands that use a trained model. */
import { basename, resolve } from 'node:path';
import { command, type Commands, SYSTEM_FLAG, systemOf, writableOf } from './command.ts';
import { writable } from './file_names.ts';
import { type Flags, UsageError } from './flags.ts';
import type { Source } from '../commands/predict.ts';

/** What the features of a list, a folder or a file are called, where nobody says so: in the working folder. */
const featuresName = (path: string) => writable(`${basename(resolve(path)).replace(/\.\w+$/, '')}.safetensors`);

/** Of the draws of a probe. */
const PROBE_SEED = 1024;

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

/** Where the clips of a prediction come from. */
function sourceOf(flags: Flags): Source {
  const [watched, { words }] = [flags.text('watch'), flags];
  if (watched !== undefined) {
    if (words.length === 0) return { watched };
    throw new UsageError('predict: give files or --watch, not both');
  }
  if (words.length === 0) throw new UsageError('predict: a video file is missing', 'see `firstlight predict --help`');
  if (!words.includes('-')) return { files: words };
  if (words.length === 1) return { lines: process.stdin };
  throw new UsageError('predict: - stands alone: paths come from standard input then');
}

/** In the order the help lists them. */
export const asking = {
  predict: command('predict', 'Says which of your labels fits a video best', {
    args: {
      'file...': { type: 'positional', required: false,
        description:
          'video files: mp4, mov, webm, mkv, avi, mpg, ts, flv, wmv, ogv, gif; folders, with all in them; or -, for paths on standard input' },
      watch: { type: 'string', valueHint: 'folder',
        description: 'instead of files: a folder, all that is in it, and each video that comes into it' },
      labels: { type: 'string', valueHint: '"a, b, c"',
        description:
          'names to choose from, separated by commas; one that holds a comma is quoted: "\'a, b\', c"; a system with a head has its own' },
      'labels-file': { type: 'string', valueHint: 'file',
        description: 'names to choose from, one a line, or a labels.csv; instead of --labels' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description:
          'a folder with config.json, weights and tokenizer, or one file; or the folder of a run (required)' },
      system: SYSTEM_FLAG,
      precision: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how weights and activations are stored; f16 takes half the memory' },
      templates: { type: 'string', default: 'none', valueHint: 'none|paper|actionclip',
        description: 'sentences that each name is put into; what they say is averaged' },
      'template-mean': { type: 'string', default: 'softmax', valueHint: 'softmax|logits|embeddings',
        description: 'what is averaged over templates' },
      top: { type: 'string', default: '5', valueHint: 'n', description: 'how many names to print' },
      json: { type: 'boolean', description: 'print JSON: one array, when all files are done' },
    },
    positionals: { least: 0, most: Infinity, name: 'a video file' },
    examples: [
      ['firstlight predict clip.mp4 --labels "juggling, surfing" --checkpoint xclip-base-patch32', ''],
      ['firstlight predict *.mp4 --labels-file labels.csv --checkpoint xclip-base-patch32 --json --top 1',
        'many files, for a script'],
      ['find . -name "*.mp4" | firstlight predict - --labels "juggling, surfing" --checkpoint xclip-base-patch32',
        'a model that is served: a path a line in, a line of JSON out'],
      ['firstlight predict --watch incoming --labels "juggling, surfing" --checkpoint xclip-base-patch32',
        'the same for each file of a folder, once it is complete'],
    ],
    notes: () =>
      `With - and with --watch each clip gets one line, in order, and what is wrong with it is such a line, too:
  {"file":"a.mp4","predictions":[{"label":"surfing","probability":0.93},{"label":"juggling","probability":0.07}]}
  {"file":"b.mp4","error":{"code":"FL_VIDEO","message":"b.mp4: …"}}
A file of a watched folder is complete when size and time have stayed as they are for a second; one that changes is
answered anew. Ctrl-C ends both behind the clips that the model has (status 130), the end of the input behind the last
(3 if a clip could not be read), and a reader that ends, too (0).`,
    async run(flags) {
      const source = sourceOf(flags);
      const labels = await labelsOf(flags);
      const checkpoint = flags.required('checkpoint', 'xclip-base-patch32');
      const top = flags.whole('top', 1) as number;
      const { predict } = await import('../commands/predict.ts');
      return predict({ source, labels, checkpoint, system: systemOf(flags),
        precision: flags.oneOf('precision', ['f32', 'f16']),
        wording: { templates: flags.oneOf('templates', ['none', 'paper', 'actionclip']),
          mean: flags.oneOf('template-mean', ['softmax', 'logits', 'embeddings']) }, top, json: flags.is('json') });
    },
  }),
  embed: command('embed', 'Writes features of videos and of texts, for search and for other programs', {
    args: {
      videos: { type: 'positional', required: false,
        description:
          'a list, with lines "path label" or a path each; a configuration, whose list is meant; a folder; or a video' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description: 'X-CLIP: config.json, model.safetensors, tokenizer; or the folder of a run (required)' },
      out: { type: 'string', valueHint: 'file',
        description: 'NAME.safetensors, or NAME.jsonl for lines of JSON (default: the name of the list or folder)' },
      root: { type: 'string', valueHint: 'folder',
        description: 'where the paths of a list start (default: its folder)' },
      labels: { type: 'string', valueHint: 'file', description: 'labels.csv: the names of the classes of a list' },
      part: { type: 'string', valueHint: 'val|train',
        description: 'which list of a configuration is meant (default: val)' },
      texts: { type: 'string', valueHint: 'file', description: 'texts whose features are written, too, one a line' },
      window: { type: 'string', valueHint: '2s',
        description: 'cut videos into pieces of so long, each with features of its own: 2s, 500ms, 1min' },
      precision: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how weights and activations are stored; f16 takes half the memory' },
      'unit-only': { type: 'boolean',
        description:
          'leave out what the model compares with a text: a small file, which search ranks by cosines alone' },
      probe: { type: 'boolean',
        description: 'train a linear classifier on the features of a list with labels, and measure it' },
      'held-out': { type: 'string', valueHint: 'file',
        description:
          'with --probe: features of another list to measure on (default: a fifth of the clips of each class)' },
      seed: { type: 'string', valueHint: 'n', description: `with --probe: of what is drawn (default: ${PROBE_SEED})` },
    },
    positionals: { least: 0, most: 1, name: 'a list or folder' },
    examples: [
      ['firstlight embed videos --checkpoint runs/k400',
        'a folder, into videos.safetensors; after an interruption, the same line goes on'],
      ['firstlight embed videos --checkpoint runs/k400 --window 2s --out pieces.safetensors',
        'every 2 seconds of long videos'],
      ['firstlight embed train.txt --checkpoint runs/k400 --probe',
        'how well a linear classifier tells the classes apart'],
      ['firstlight embed --texts sentences.txt --checkpoint runs/k400 --out sentences.jsonl',
        'texts, for another program'],
    ],
    notes: () =>
      `A clip that cannot be decoded is left out, told of, and named in the file; the exit status is then 3.`,
    async run(flags) {
      const [videos] = flags.words;
      const [root, labels] = [flags.text('root'), flags.text('labels')];
      const checkpoint = flags.required('checkpoint', 'xclip-base-patch32');
      const file = flags.text('texts');
      const { readTexts } = await import('../features/texts.ts');
      const texts = file === undefined ? [] : readTexts(file);
      if (videos === undefined && texts.length === 0) {
        throw new UsageError('embed: nothing to embed: give a list or a folder of videos, or --texts FILE');
      }
      const out = writableOf(flags, 'out') ?? featuresName(videos ?? (file as string));
      if (!/\.(safetensors|jsonl)$/.test(out)) {
        throw new UsageError(`--out: expected NAME.safetensors or NAME.jsonl, got "${out}"`);
      }
      const isProbe = flags.is('probe');
      for (const name of ['held-out', 'seed']) {
        if (!isProbe && flags.text(name) !== undefined) throw new UsageError(`--${name} goes with --probe`);
      }
      if (isProbe && (videos === undefined || out.endsWith('.jsonl'))) {
        throw new UsageError('--probe needs a list with labels, and safetensors to keep their features in');
      }
      const { embed } = await import('../commands/embed.ts');
      const part = flags.text('part') === undefined ? undefined : flags.oneOf('part', ['val', 'train']);
      return embed({ videos, root, labels, part, texts, checkpoint, out, window: flags.seconds('window') ?? null,
        precision: flags.oneOf('precision', ['f32', 'f16']), unitOnly: flags.is('unit-only'),
        ...(isProbe && { probe: { seed: flags.whole('seed', 0) ?? PROBE_SEED, heldOut: flags.text('held-out') } }) });
    },
  }),
  search: command('search', 'Ranks the clips of a file of features for a text', {
    args: {
      features: { type: 'positional', description: 'what embed wrote' },
      'text...': { type: 'positional', required: false, description: 'texts, each with a ranking of its own' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description: 'the one that the features were made with, if it has another place now' },
      by: { type: 'string', valueHint: 'model|cosine',
        description: "model: the model's own comparison, with the numbers of predict; cosine: of unit features" },
      top: { type: 'string', default: '10', valueHint: 'n', description: 'how many clips to print' },
      'each-class': { type: 'boolean',
        description: 'ask for the name of every class, and say how often the first clip has it' },
      json: { type: 'boolean', description: 'print JSON' },
    },
    positionals: { least: 1, most: Infinity, name: 'a file of features' },
    examples: [
      ['firstlight search videos.safetensors "a person opens a door"', 'the ten clips that fit best'],
      ['firstlight search pieces.safetensors "a person opens a door" --top 3 --json',
        'with start and end, for a script'],
      ['firstlight search test.safetensors --each-class', 'how well the names of classes are found'],
    ],
    async run(flags) {
      const [features, ...texts] = flags.words;
      const eachClass = flags.is('each-class');
      if (eachClass === texts.length > 0) {
        throw new UsageError(
          eachClass ? '--each-class asks for the names of the file: give no text' : 'search: a text is missing',
          'for example firstlight search videos.safetensors "a person opens a door"',
        );
      }
      const top = flags.whole('top', 1) as number;
      const by = flags.text('by') === undefined ? undefined : flags.oneOf('by', ['model', 'cosine']);
      const { search } = await import('../commands/search.ts');
      return search({ features, texts, eachClass, checkpoint: flags.text('checkpoint'), by, top,
        json: flags.is('json') });
    },
  }),
} satisfies Commands;
