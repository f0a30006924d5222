/** Commands that measure, and that compare with the paper. */
import { nearest } from '../../engine/nearest.ts';
import { shown } from '../../engine/shown.ts';
import { CROPS, MULTI_VIEW, type Views } from '../data/views/clip_views.ts';
import { CLIP_ORDERS, DRAWN_CLASSES, DRAWS, type Protocol, PROTOCOLS, SPLITS } from '../protocols/protocol.ts';
import { EXPERIMENTS } from '../protocols/paper.ts';
import { runName } from '../run/config.ts';
import { command, type Commands, configFlags, configOf, SYSTEM_FLAG, systemOf, writableOf } from './command.ts';
import { type Flags, UsageError } from './flags.ts';
import { together } from './together.ts';

const PROTOCOL_NOTES = `PROTOCOLS

  single       one view of each clip: the middle of each segment, the middle of the picture
  multi-view   ${MULTI_VIEW.clips} clips x ${MULTI_VIEW.crops} crops: the short side becomes data.size, three squares lie along the long side; the
               clips are drawn by run.seed as in training, or evenly spread (--clips even); softmax is added up.
               --views 1x10: the corners and the middle, mirrored too, as TSM is measured; 1x3: as TimeSformer
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
  onlyWith('--views', 'multi-view', flags.text('views') !== undefined);
  onlyWith('--classes', 'zero-shot', classes.length > 0);
  if (flags.text('draws') !== undefined && classes.length !== 1) {
    throw new UsageError('--draws goes with one --classes, the file that is drawn from');
  }
  return { protocol, checkpoints, classes, draws: flags.whole('draws', 1) ?? DRAWS,
    clips: flags.text('clips') === undefined ? CLIP_ORDERS[0] : flags.oneOf('clips', CLIP_ORDERS),
    views: viewsOf(flags.text('views')) };
}

/** Views of one clip at most: each is a pass through the model. */
const MOST_CLIPS = 100;

/** Clips and crops, such as 4x3; undefined if they are not given. */
function viewsOf(text: string | undefined): Pick<Views, 'clips' | 'crops'> | undefined {
  if (text === undefined) return undefined;
  const [, clips, across] = /^(\d{1,3})x(\d{1,2})$/.exec(text) ?? [];
  const crops = CROPS.find((count) => String(count) === across);
  if (crops !== undefined && Number(clips) >= 1 && Number(clips) <= MOST_CLIPS) return { clips: Number(clips), crops };
  throw new UsageError(`--views: expected clips x crops, such as 4x3, got "${shown(text)}"`,
    `1 to ${MOST_CLIPS} clips; ${CROPS.join(', ')} crops`);
}

/** The experiment that is trained, and not read from the paper. */
const OWN = 'moving-shapes';

/** In the order the help lists them. */
export const measuring = {
  evaluate: command('evaluate',
    "Measures checkpoints on the list data.val of a configuration, in the paper's protocols", {
    args: {
      config: { type: 'positional', description: 'YAML file, such as the config.yaml of a run folder' },
      checkpoint: { type: 'string', valueHint: 'folder',
        description: 'what to evaluate: a checkpoint, or the folder of a run (required); few-shot: may be repeated' },
      protocol: { type: 'string', default: 'single', valueHint: PROTOCOLS.join('|'),
        description: 'single: one view of each clip; for the others see below' },
      clips: { type: 'string', valueHint: CLIP_ORDERS.join('|'),
        description: 'multi-view: how its clips lie in a video (default: random)' },
      views: { type: 'string', valueHint: 'CxS',
        description:
          `multi-view: so many clips, and of each 1, 3 or 10 squares (default: ${MULTI_VIEW.clips}x${MULTI_VIEW.crops})` },
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
    isShared: true,
    positionals: { least: 1, most: 1, name: 'a configuration' },
    examples: [
      ['firstlight evaluate runs/hmdb51/config.yaml --checkpoint runs/hmdb51', 'evaluate a run'],
      ['firstlight evaluate runs/k400/config.yaml --checkpoint runs/k400 --protocol multi-view',
        'in 12 views of each clip'],
      ['firstlight evaluate runs/tsm/config.yaml --checkpoint runs/tsm --protocol multi-view --views 1x10 --clips even',
        'in ten squares of one clip'],
      ['firstlight evaluate hmdb51.yaml --checkpoint runs/k400 --protocol zero-shot --json zero_shot.json',
        'on three splits, the numbers into a file, too'],
    ],
    notes: () => PROTOCOL_NOTES,
    async run(flags) {
      flags.required('checkpoint', 'runs/hmdb51');
      const asked = askedOf(flags);
      const { evaluate } = await import('../commands/evaluate.ts');
      const options = { ...asked, name: runName(flags.words[0]), system: systemOf(flags),
        json: writableOf(flags, 'json'), out: writableOf(flags, 'out') };
      return together(() => configOf('evaluate', flags), (config, world) => evaluate(config, options, world));
    },
  }),
  table: command('table', "Prints the paper's numbers, and those of your runs beside them", {
    args: {
      experiment: { type: 'positional', description: `one of ${EXPERIMENTS.join(', ')}, ${OWN}` },
      'run...': { type: 'positional', required: false,
        description: 'run folders, and files that evaluate --json wrote' },
      json: { type: 'boolean', description: 'print JSON' },
      seeds: { type: 'string', valueHint: 'n', description: `${OWN}: trainings of each system (default: 3)` },
      seed: { type: 'string', valueHint: 'n', description: `${OWN}: the first of their seeds (default: 1024)` },
      out: { type: 'string', valueHint: 'folder',
        description: `${OWN}: where they are left, and gone on with (default: runs/table_moving_shapes…)` },
      networks: { type: 'boolean',
        description: `${OWN}: TSM, TimeSformer and Video Swin, beside forms that cannot see the order of frames` },
      smoke: { type: 'boolean', description: `${OWN}: a short form that learns little` },
      patient: { type: 'boolean', description: `${OWN}: in full on an adapter that takes hours, too` },
    },
    positionals: { least: 1, most: Infinity, name: 'an experiment' },
    examples: [
      ['firstlight table k400 runs/32_8', 'a run beside tables 1 to 5 of the paper, and what keeps both apart'],
      ['firstlight table few-shot runs/16_32_k*', 'several runs'],
      ['firstlight table zero-shot --json', "the paper's numbers alone, for a script"],
      [`firstlight table ${OWN}`, "trains the paper's systems on Moving shapes, and prints what they come to"],
      [`firstlight table ${OWN} --networks`, 'the same of networks with a head'],
    ],
    async run(flags) {
      const [word, ...runs] = flags.words;
      if (word === OWN) {
        if (runs.length > 0) throw new UsageError(`table ${OWN} trains by itself and takes no runs`);
        const { tableMovingShapes } = await import('../commands/table_moving_shapes.ts');
        const { PAPER, WITH_HEAD } = await import('../moving_shapes/comparisons.ts');
        const comparison = flags.is('networks') ? WITH_HEAD : PAPER;
        const smoke = flags.is('smoke');
        return tableMovingShapes({ comparison, seed: flags.whole('seed', 0) ?? 1024,
          seeds: flags.whole('seeds', 1) ?? (smoke ? 1 : 3),
          out: writableOf(flags, 'out') ?? `${comparison.folder}${smoke ? '_smoke' : ''}`, smoke,
          patient: flags.is('patient'), json: flags.is('json') });
      }
      const given = ['seeds', 'seed', 'out'].filter((name) => flags.text(name) !== undefined)
        .concat(['networks', 'smoke', 'patient'].filter((name) => flags.is(name)));
      if (given.length > 0) throw new UsageError(`table ${word}: --${given[0]} goes with ${OWN}`);
      const experiment = EXPERIMENTS.find((each) => each === word);
      if (experiment === undefined) {
        const guess = nearest(word, [...EXPERIMENTS, OWN]);
        throw new UsageError(`table: there is no experiment "${word}"`,
          `${guess === undefined ? '' : `did you mean ${guess}? `}Experiments: ${EXPERIMENTS.join(', ')}, ${OWN}`);
      }
      const { table } = await import('../commands/table.ts');
      return table({ experiment, runs, json: flags.is('json') });
    },
  }),
  macs: command('macs', "Prints the paper's FLOPs of each system beside the multiply-adds that the kernels count", {
    args: { json: { type: 'boolean', description: 'print JSON' } },
    positionals: { least: 0, most: 0, name: 'nothing' },
    examples: [['firstlight macs', 'of X-CLIP and the systems that the paper compares it with']],
    async run(flags) {
      const { macs } = await import('../commands/macs.ts');
      return macs({ json: flags.is('json') });
    },
  }),
} satisfies Commands;
