/**
 * *Moving shapes* as data sets are published: real encoded files in the folders, and lists in the form, of Kinetics,
 * UCF-101 and HMDB-51, or with a list `path label`. Whoever has tried one of these has tried the way to the real one.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Random } from '../../engine/random.ts';
import type { SetFormat } from '../data/sets/formats.ts';
import type { DataSet } from '../data/sets/sets.ts';
import { labelsText, listText } from '../data/sets/shots.ts';
import { writeVideo } from '../data/video/encode.ts';
import { rgbToI420 } from '../data/video/i420.ts';
import { CLASS_NAMES, drawClip, SIDE } from './scenes.ts';

export interface LayoutSizes {
  /** Ids of the classes. */
  readonly classes: readonly number[];
  /** Clips of each class to train on, and to test, in each split. */
  readonly train: number;
  readonly test: number;
}

/** The keys of a configuration that read what was written. */
export type LayoutKeys = Pick<DataSet, 'format' | 'train' | 'val' | 'labels' | 'root' | 'names'>;

/** Clips of HMDB-51 that a split leaves out, of each class. */
const LEFT_OUT = 1;
const SPLITS = [1, 2, 3] as const;

/** Writes a data set into a folder. Equal arguments give equal bytes. */
export function writeLayout(folder: string, format: SetFormat, seed: number, sizes: LayoutSizes): LayoutKeys {
  const writer = new Writer(folder, seed);
  return { list: writeList, kinetics: writeKinetics, ucf101: writeUcf101, hmdb51: writeHmdb51 }[format](writer, sizes);
}

/** Files of one data set. */
class Writer {
  readonly folder: string;
  readonly seed: number;

  constructor(folder: string, seed: number) {
    this.folder = folder;
    this.seed = seed;
  }

  at(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  /** Lines as Windows ends them, which published lists have. */
  lines(name: string, lines: readonly string[]): void {
    writeFileSync(this.at(name), lines.map((line) => `${line}\r\n`).join(''));
  }

  /** The clip of a class; every frame is coded by itself. */
  clip(name: string, id: number, take: number): void {
    const frames = drawClip(new Random(this.seed, `clip ${take} of class ${id}`), id).map((rgb) =>
      rgbToI420(rgb, SIDE, SIDE, { matrix: 'bt601', range: 'limited' })
    );
    writeVideo(this.at(name), frames, { independent: true });
  }
}

/** Whether a take is tested in a split: each split tests others, as far as there are others. */
function isTested(take: number, split: number, { train, test }: LayoutSizes): boolean {
  const count = train + test;
  return (take - (split - 1) * test + SPLITS.length * count) % count < test;
}

const takes = (count: number) => Array.from({ length: count }, (_, take) => take);
/** "a red square moving left" as UCF-101 would write it: "ARedSquareMovingLeft". */
const joined = (id: number) => CLASS_NAMES[id].replace(/(?:^| )(\w)/g, (_, letter: string) => letter.toUpperCase());

function writeList(writer: Writer, { classes, train, test }: LayoutSizes): LayoutKeys {
  const listed = { train: [] as { name: string; label: number }[], val: [] as { name: string; label: number }[] };
  for (const [label, id] of classes.entries()) {
    for (const take of takes(train + test)) {
      const name = `clips/${CLASS_NAMES[id]} ${take}.mp4`;
      writer.clip(name, id, take);
      listed[take < train ? 'train' : 'val'].push({ name, label });
    }
  }
  for (const part of ['train', 'val'] as const) writeFileSync(writer.at(`${part}.txt`), listText(listed[part]));
  writeFileSync(writer.at('labels.csv'), labelsText(classes.map((id) => CLASS_NAMES[id])));
  return { format: 'list', train: writer.at('train.txt'), val: writer.at('val.txt'), labels: writer.at('labels.csv'),
    root: writer.folder, names: 'official' };
}

/** Letters of the names of videos on the net. */
const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function writeKinetics(writer: Writer, { classes, train, test }: LayoutSizes): LayoutKeys {
  const rows = { train: [] as string[], val: [] as string[] };
  for (const id of classes) {
    for (const take of takes(train + test)) {
      const random = new Random(writer.seed, `name of clip ${take} of class ${id}`);
      const name = Array.from({ length: 11 }, () => ID_LETTERS[random.below(ID_LETTERS.length)]).join('');
      const start = random.below(300);
      const part = take < train ? 'train' : 'val';
      rows[part].push(
        `"${CLASS_NAMES[id]}","${name}",${start},${start + 10},"${part === 'val' ? 'validate' : part}",0`,
      );
      const times = [start, start + 10].map((seconds) => `_${String(seconds).padStart(6, '0')}`).join('');
      writer.clip(`${part}/${CLASS_NAMES[id]}/${name}${times}.${take % 8 === 7 ? 'webm' : 'mp4'}`, id, take);
    }
  }
  for (const part of ['train', 'val'] as const) {
    writer.lines(`${part}.csv`, ['"label","youtube_id","time_start","time_end","split","is_cc"', ...rows[part]]);
  }
  return { format: 'kinetics', train: writer.at('train.csv'), val: writer.at('val.csv'), labels: null,
    root: writer.folder, names: 'official' };
}

function writeUcf101(writer: Writer, sizes: LayoutSizes): LayoutKeys {
  const classes = [...sizes.classes].sort((a, b) => (joined(a) < joined(b) ? -1 : 1));
  // four takes of a group, as of one film
  const clipOf = (id: number, take: number) =>
    `${joined(id)}/v_${joined(id)}_g${String((take >> 2) + 1).padStart(2, '0')}_c${
      String((take & 3) + 1).padStart(2, '0')
    }.avi`;
  const all = classes.flatMap((id, label) => takes(sizes.train + sizes.test).map((take) => ({ id, label, take })));
  for (const { id, take } of all) writer.clip(`UCF-101/${clipOf(id, take)}`, id, take);
  for (const split of SPLITS) {
    const own = (tested: boolean) => all.filter(({ take }) => isTested(take, split, sizes) === tested);
    writer.lines(`ucfTrainTestlist/trainlist0${split}.txt`, own(false).map(({ id, label, take }) =>
      `${clipOf(id, take)} ${label + 1}`
    ));
    writer.lines(`ucfTrainTestlist/testlist0${split}.txt`, own(true).map(({ id, take }) => clipOf(id, take)));
  }
  writer.lines('ucfTrainTestlist/classInd.txt', classes.map((id, label) => `${label + 1} ${joined(id)}`));
  return { format: 'ucf101', train: writer.at('ucfTrainTestlist/trainlist0{split}.txt'),
    val: writer.at('ucfTrainTestlist/testlist0{split}.txt'), labels: null, root: join(writer.folder, 'UCF-101'),
    names: 'words' };
}

function writeHmdb51(writer: Writer, sizes: LayoutSizes): LayoutKeys {
  const count = sizes.train + sizes.test;
  for (const id of sizes.classes) {
    const name = CLASS_NAMES[id].replaceAll(' ', '_');
    const clipOf = (take: number) => `#${take}_Moving_Shapes_${name}_f_nm_np1_fr_goo_${take}.avi`;
    for (const take of takes(count + LEFT_OUT)) writer.clip(`hmdb51_org/${name}/${clipOf(take)}`, id, take);
    for (const split of SPLITS) {
      const markOf = (take: number) => (take >= count ? 0 : isTested(take, split, sizes) ? 2 : 1);
      writer.lines(`splits/${name}_test_split${split}.txt`, takes(count + LEFT_OUT).map((take) =>
        `${clipOf(take)} ${markOf(take)} `
      ));
    }
  }
  return { format: 'hmdb51', train: writer.at('splits'), val: writer.at('splits'), labels: null,
    root: join(writer.folder, 'hmdb51_org'), names: 'official' };
}
