/** What became of each class, for any number of them: from the pairs that occurred, never from a full matrix. */

/** Clips of one class that were taken for one class. */
export interface Pair {
  readonly truth: number;
  readonly guess: number;
  readonly clips: number;
}

export interface ClassCounts {
  /** By class. */
  readonly names: readonly string[];
  /** Each pair that occurred once, right ones too; by truth, then by guess. */
  readonly pairs: readonly Pair[];
  /** Clips that cannot be decoded, by class: they count, and nothing was guessed of them. */
  readonly unreadable: ReadonlyMap<number, number>;
}

/** One class in a table. */
export interface ClassRow {
  readonly id: number;
  readonly name: string;
  /** Of this class, and those of them that were named right. */
  readonly clips: number;
  readonly right: number;
  /** What its other clips were taken for, most clips first. */
  readonly takenFor: readonly Pair[];
  /** Clips of it that cannot be decoded. */
  readonly unreadable: number;
  /** Clips of other classes that were given its name. */
  readonly given: number;
}

/** Counts what was taken for what. Nothing is guessed of a clip that cannot be decoded. */
export function countClasses(names: readonly string[],
  guesses: Iterable<{ readonly truth: number; readonly guess: number | undefined }>): ClassCounts {
  const clips = new Map<number, number>();
  const unreadable = new Map<number, number>();
  for (const { truth, guess } of guesses) {
    if (guess === undefined) {
      unreadable.set(truth, (unreadable.get(truth) ?? 0) + 1);
      continue;
    }
    const key = truth * names.length + guess;
    clips.set(key, (clips.get(key) ?? 0) + 1);
  }
  const pairs = [...clips].sort(([a], [b]) => a - b).map(([key, count]) => ({ truth: Math.floor(key / names.length),
    guess: key % names.length, clips: count })
  );
  return { names, pairs, unreadable };
}

export function classRows({ names, pairs, unreadable }: ClassCounts): ClassRow[] {
  const rows = names.map((name, id) => {
    const own = unreadable.get(id) ?? 0;
    return { id, name, clips: own, right: 0, takenFor: [] as Pair[], unreadable: own, given: 0 };
  });
  for (const pair of pairs) {
    const { truth, guess, clips } = pair;
    rows[truth].clips += clips;
    if (truth === guess) rows[truth].right += clips;
    else {
      rows[truth].takenFor.push(pair);
      rows[guess].given += clips;
    }
  }
  for (const { takenFor } of rows) takenFor.sort((a, b) => b.clips - a.clips);
  return rows;
}

/** Share of its clips that were named right; undefined for a class without clips. */
export function shareRight({ clips, right }: Pick<ClassRow, 'clips' | 'right'>): number | undefined {
  return clips === 0 ? undefined : right / clips;
}

/** Every class counts the same, however many clips it has; those without any do not. */
export function meanPerClass(rows: readonly ClassRow[]): number {
  const shares = rows.flatMap((row) => shareRight(row) ?? []);
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

/** Mistakes, most clips first; of equal ones the larger share of its class. */
export function worstPairs({ pairs }: ClassCounts, rows: readonly ClassRow[]): Pair[] {
  const share = ({ truth, clips }: Pair) => clips / rows[truth].clips;
  return pairs.filter(({ truth, guess }) => truth !== guess).sort((a, b) =>
    b.clips - a.clips || share(b) - share(a) || a.truth - b.truth || a.guess - b.guess
  );
}

/** The classes of the worst pairs, up to `most`, in the order of the names. */
export function mostConfused(worst: readonly Pair[], most: number): number[] {
  const chosen = new Set<number>();
  for (const { truth, guess } of worst) {
    const added = [truth, guess].filter((id) => !chosen.has(id));
    if (chosen.size + added.length <= most) { for (const id of added) chosen.add(id); }
  }
  return [...chosen].sort((a, b) => a - b);
}

/**
 * An order in which classes that are taken for each other stand together. Mistakes are gone through from the largest,
 * counted both ways; each joins the ends of two chains, if its classes are ends of two. Chains stand in the order of
 * their first class, and so do classes that are confused with nothing: the order of the names.
 */
export function neighbourOrder(ids: readonly number[], pairs: readonly Pair[]): number[] {
  const chainOf = new Map(ids.map((id) => [id, [id]]));
  const weights = new Map<string, { readonly a: number; readonly b: number; clips: number }>();
  for (const { truth, guess, clips } of pairs) {
    if (truth === guess || !chainOf.has(truth) || !chainOf.has(guess)) continue;
    const [a, b] = [Math.min(truth, guess), Math.max(truth, guess)];
    const both = weights.get(`${a} ${b}`) ?? { a, b, clips: 0 };
    both.clips += clips;
    weights.set(`${a} ${b}`, both);
  }
  for (const { a, b } of [...weights.values()].sort((x, y) => y.clips - x.clips || x.a - y.a || x.b - y.b)) {
    const [first, second] = [chainOf.get(a) as number[], chainOf.get(b) as number[]];
    const isEnd = (id: number, chain: readonly number[]) => chain[0] === id || chain.at(-1) === id;
    if (first === second || !isEnd(a, first) || !isEnd(b, second)) continue;
    const joined = [...(first.at(-1) === a ? first : first.reverse()),
      ...(second[0] === b ? second : second.reverse())];
    for (const id of joined) chainOf.set(id, joined);
  }
  const chains = [...new Set(chainOf.values())].map((chain) => {
    const [first, last] = [chain[0], chain.at(-1) as number];
    return first <= last ? chain : chain.reverse();
  });
  return chains.sort((a, b) => Math.min(...a) - Math.min(...b)).flat();
}

/** Worst pairs that are listed by name. */
const MOST_LISTED = 1000;

/** Every class, the confusion matrix without its zeros, and the worst pairs by name, as JSON has them. */
export function classNumbers(counts: ClassCounts) {
  const rows = classRows(counts);
  return {
    classes: rows.map((row) => ({ name: row.name, clips: row.clips, right: row.right, top1: shareRight(row) ?? null,
      wronglyGiven: row.given })
    ),
    /** [place of the class, of what it was taken for, clips] */
    confusion: counts.pairs.map(({ truth, guess, clips }): [number, number, number] => [truth, guess, clips]),
    confused: worstPairs(counts, rows).slice(0, MOST_LISTED).map(({ truth, guess, clips }) => ({
      label: counts.names[truth],
      takenFor: counts.names[guess],
      clips,
    })),
  };
}
