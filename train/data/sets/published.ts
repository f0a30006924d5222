/** Sizes of published data sets, for plans that are made before there are files. */
import type { SetFormat } from './formats.ts';

export interface PublishedSet {
  readonly name: string;
  readonly classes: number;
  /** Training clips of the first split. */
  readonly clips: number;
  /** Whether copies differ, since clips vanish where they were published. */
  readonly isRounded: boolean;
}

/** By what their paths are called, where their format does not say it. */
const SETS: readonly (PublishedSet & { readonly path: RegExp; readonly format?: SetFormat })[] = [
  // Carreira et al. 2018, arXiv:1808.01340: 392,622 clips were listed
  { name: 'Kinetics-600', classes: 600, clips: 390_000, isRounded: true, path: /k(?:inetics)?[-_]?600/gi },
  // Kay et al. 2017, arXiv:1705.06950: some 246,000 clips were listed; what people have is nearer to 240,000
  { name: 'Kinetics-400', classes: 400, clips: 240_000, isRounded: true, path: /k(?:inetics)?[-_]?400/gi },
  // Soomro et al. 2012, arXiv:1212.0402, trainlist01.txt
  { name: 'UCF-101', classes: 101, clips: 9537, isRounded: false, format: 'ucf101', path: /ucf[-_]?101/gi },
  // Kuehne et al. 2011, 70 clips of each class
  { name: 'HMDB-51', classes: 51, clips: 3570, isRounded: false, format: 'hmdb51', path: /hmdb[-_]?51/gi },
];

/** The data set of a format, or the one that the path of a list names; the last one if it names several. */
export function publishedSet(format: string, list: string): PublishedSet | undefined {
  const named = SETS.flatMap(({ path, format: own, ...set }) => {
    const place = own === format ? Infinity : [...list.matchAll(path)].at(-1)?.index;
    return place === undefined ? [] : [{ set, place }];
  });
  return named.sort((a, b) => a.place - b.place).at(-1)?.set;
}
