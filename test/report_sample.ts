import { Random } from '../engine/random.ts';
import { type ClassCounts, countClasses } from '../train/report/classes.ts';
import type { ClipPrediction, Confusion, Frames, ReportData } from '../train/report/data.ts';

/** Invented results of the size and kind that the demo has, to look at the report and to test it. */
const MOTIONS = ['left', 'right', 'up', 'down', 'growing', 'shrinking'];
const COLOURS = { red: [214, 60, 48], green: [52, 160, 84], blue: [52, 108, 214], yellow: [228, 190, 54],
  cyan: [64, 190, 200], magenta: [200, 74, 176] } as const;
const SHAPES = ['square', 'circle', 'triangle', 'cross'];
const CLIPS = 512;

const random = new Random(7, 'report sample');
const below = (n: number) => Math.floor(random.next() * n);
const sentence = (colour: string, shape: string, motion: string) =>
  `a ${colour} ${shape} ${motion.endsWith('ing') ? motion : `moving ${motion}`}`;
const names = MOTIONS.flatMap((motion) =>
  Object.keys(COLOURS).flatMap((colour) => SHAPES.map((shape) => sentence(colour, shape, motion)))
);

/** A square or disc that moves as its name says, on a noisy ground. */
function frames(colour: readonly number[], shape: string, motion: string): Frames {
  const [count, side] = [8, 32];
  const rgb = new Uint8Array(count * side * side * 3);
  for (let t = 0; t < count; t++) {
    const along = (t / (count - 1) - 0.5) * 16;
    const [dx, dy] = [{ left: -along, right: along }[motion] ?? 0, { up: -along, down: along }[motion] ?? 0];
    const half = 5 + ({ growing: along, shrinking: -along }[motion] ?? 0) * 0.4;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const [u, v] = [x - 16 - dx, y - 16 - dy];
        const inside = shape === 'circle'
          ? u * u + v * v < half * half
          : shape === 'cross'
          ? Math.min(Math.abs(u), Math.abs(v)) < half / 3 && Math.max(Math.abs(u), Math.abs(v)) < half
          : Math.max(Math.abs(u), Math.abs(v)) < half;
        const at = ((t * side + y) * side + x) * 3;
        for (let c = 0; c < 3; c++) rgb[at + c] = inside ? colour[c] : 40 + below(24);
      }
    }
  }
  return { width: side, height: side, count, rgb };
}

function confusionOf(labels: readonly string[], clips: number, share: number, groups?: readonly string[]): Confusion {
  const counts = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < clips; i++) {
    const truth = i % labels.length;
    counts[truth][random.next() < share ? truth : below(labels.length)]++;
  }
  return { labels, counts, groups };
}

function clipPrediction(index: number): ClipPrediction {
  const colour = Object.keys(COLOURS)[index % 6] as keyof typeof COLOURS;
  const shape = ['square', 'circle', 'cross'][index % 3];
  const motion = MOTIONS[(index * 5) % 6];
  const label = sentence(colour, shape, motion);
  const wrong = names.filter((name) => name !== label).slice(index * 9, index * 9 + 3);
  const first = index === 4 ? 0.22 : 0.9 + random.next() * 0.09;
  const top = [{ label, probability: first }, { label: wrong[0], probability: index === 4 ? 0.71 : (1 - first) * 0.7 },
    { label: wrong[1], probability: (1 - first) * 0.05 }];
  return { file: `clips/test/${String(index).padStart(4, '0')}.mp4`, label, unseen: index % 3 === 1,
    top: top.sort((a, b) => b.probability - a.probability), frames: frames(COLOURS[colour], shape, motion) };
}

function course(steps: number, from: number, to: number, speed: number): [number, number][] {
  return Array.from({ length: steps },
    (_, i) => [i + 1, to + (from - to) * Math.exp((-speed * i) / steps) + (random.next() - 0.5) * 0.25 * (to + 0.4)]);
}

const rate = (steps: number, top: number): [number, number][] =>
  Array.from({ length: steps },
    (_, i) => [i + 1, i < 50 ? (top * (i + 1)) / 50 : (top * (1 + Math.cos((Math.PI * (i - 50)) / (steps - 50)))) / 2]);

export const sample: ReportData = {
  title: 'X-CLIP on moving shapes',
  summary:
    'A model that reads short videos was trained from nothing to name a colour, a shape and a motion. No single frame tells the motion, and neither do all frames without their order, so whoever passes 50\u00a0% over motions has learned to see time.',
  finishedAt: '2026-11-02T14:05:09.000Z',
  seed: 1024,
  headlines: [
    { key: 'xclip_seen_top1', system: 'X-CLIP', measure: 'top-1, combinations seen in training', value: 0.984,
      clips: 426, goal: { kind: 'at least', value: 0.9 }, chance: 1 / 120,
      meaning: 'It names colour, shape and motion of new clips.' },
    {
      key: 'xclip_zero_shot_top1',
      system: 'X-CLIP, zero-shot',
      measure: 'top-1, combinations that never occurred in training',
      value: 0.953,
      clips: 86,
      goal: { kind: 'at least', value: 0.8 },
      chance: 1 / 24,
      meaning: 'It understands the words, and not only the sentences it was taught.',
    },
    {
      key: 'clip_mean_motion',
      system: 'CLIP-Mean',
      measure: 'motion, the same towers with frames averaged',
      value: 0.288,
      clips: CLIPS,
      goal: { kind: 'at most', value: 0.5, margin: 0.066 },
      chance: 1 / 6,
      meaning: 'Averaging forgets the order, so no amount of training passes the ceiling.',
    },
    { key: 'xclip_shuffled_motion', system: 'X-CLIP, frames shuffled',
      measure: 'motion, the trained model on frames in random order', value: 0.512, clips: CLIPS,
      goal: { kind: 'at most', value: 0.5, margin: 0.066 }, chance: 1 / 6, meaning: 'Order is what it uses.' },
  ],
  stages: [
    { title: 'Stage 1: a tiny CLIP on still pictures',
      curves: [{ system: 'CLIP', loss: course(1000, 4.8, 0.7, 5), lr: rate(1000, 2e-3) }] },
    { title: 'Stage 2: expanded to video', curves: [
      { system: 'X-CLIP', loss: course(1200, 4.9, 0.95, 6), lr: rate(1200, 8e-4) },
      { system: 'CLIP-Mean', loss: course(1200, 4.9, 2.6, 3), lr: rate(1200, 1e-3) },
    ] },
  ],
  confusions: [{ title: 'Motions, with the number of clips', confusion: confusionOf(MOTIONS, CLIPS, 0.96) }, {
    title: 'All 144 names, ordered by group',
    confusion: confusionOf(names, CLIPS, 0.95, names.map((_, i) => MOTIONS[Math.floor(i / 24)])),
  }],
  clips: Array.from({ length: 8 }, (_, i) => clipPrediction(i)),
  environment: {
    adapter: 'llvmpipe (LLVM 19.1.7, 256 bits)',
    driver: 'Mesa 25.0.7',
    backend: 'Vulkan',
    isSoftware: true,
    machine: 'Debian GNU/Linux 12, x64, 2 cores',
    candidates: {},
    versions: { Firstlight: '0.1.0', Node: '20.20.2', Dawn: 'webgpu 0.6.2' },
  },
  timings: [{ name: 'Data set', seconds: 38 }, { name: 'Stage 1: CLIP', seconds: 130 }, { name: 'Stage 2: X-CLIP',
    seconds: 322 }, { name: 'Stage 2: CLIP-Mean', seconds: 141 }, { name: 'Evaluation', seconds: 24 }],
  config: 'model:\n  preset: tiny # the network\n',
};

const VERBS = ['washing', 'carrying', 'throwing', 'catching', 'painting', 'fixing', 'opening', 'closing', 'lifting',
  'dropping', 'pushing', 'pulling', 'wrapping', 'cleaning', 'drawing', 'folding', 'stacking', 'rolling', 'spinning',
  'balancing'];
const THINGS = ['a ball', 'a box', 'a bicycle', 'dishes', 'a door', 'a chair', 'a kite', 'a lamp', 'paper', 'a rope',
  'a plate', 'a bottle', 'a book', 'a fence', 'a wheel', 'windows', 'a tray', 'a ladder', 'stones', 'an umbrella'];

/**
 * Invented results for `count` classes, 50 clips each, of which some are taken for others of the same verb or the same
 * thing; every class is as hard as its number says.
 */
export function manyClasses(count: number): ClassCounts {
  const own = new Random(3, 'many classes');
  const label = (id: number) =>
    `${VERBS[Math.floor(id / THINGS.length) % VERBS.length]} ${THINGS[id % THINGS.length]}${
      id < 400 ? '' : ` ${Math.floor(id / 400)}`
    }`;
  const guesses = Array.from({ length: 50 * count }, (_, clip) => {
    const truth = Math.floor(clip / 50);
    const ease = 0.25 + 0.75 * Math.sqrt(((truth * 193) % count) / count);
    if (own.next() < ease) return { truth, guess: truth };
    const near = own.next();
    const row = Math.floor(truth / 20) * 20;
    if (near < 0.45) return { truth, guess: Math.min(count - 1, row + ((truth + 1) % 20)) };
    if (near < 0.75) return { truth, guess: (truth + 20) % count };
    return { truth, guess: own.below(count) };
  });
  return countClasses(Array.from({ length: count }, (_, id) => label(id)), guesses);
}

/** A run on somebody's own clips, with so many classes. */
export function ownRun(count: number): ReportData {
  const validations = Array.from({ length: 30 }, (_, i) => {
    const top1 = 0.62 * (1 - Math.exp(-(i + 1) / 6)) - Math.max(0, i - 22) * 0.004 + (random.next() - 0.5) * 0.015;
    return { step: 400 * (i + 1), top1, top5: Math.min(1, top1 + 0.24), loss: 1.5 + 4 * Math.exp(-(i + 1) / 5) };
  });
  const classes = manyClasses(count);
  const right = classes.pairs.reduce((sum, { truth, guess, clips }) => sum + (truth === guess ? clips : 0), 0);
  const clips = 50 * count;
  const lr = rate(1200, 8e-6).map(([step, value]): [number, number] => [10 * step, value]);
  return {
    ...sample,
    title: `X-CLIP, own_${count}`,
    summary: `X-CLIP was trained for 12,000 steps, 30 epochs, on 96,000 clips of ${count} classes.`,
    headlines: [
      { key: 'top1', system: 'X-CLIP', measure: `top-1 of ${count} names`, value: right / clips, clips,
        chance: 1 / count, meaning: 'The most probable name is the right one.' },
      { key: 'top5', system: 'X-CLIP', measure: `top-5 of ${count} names`, value: Math.min(1, right / clips + 0.21),
        clips, chance: Math.min(1, 5 / count), meaning: 'The right name is one of the five most probable.' },
    ],
    stages: [{
      title: 'Training',
      curves: [{ system: 'X-CLIP', loss: course(1200, 6, 1.2, 5).map(([step, value]) => [10 * step, value]), lr,
        newPartsLr: lr.map(([step, value]) => [step, 10 * value]) }],
      validations,
    }],
    confusions: [],
    classes,
  };
}
