/** Words that are compared have no more letters. */
const LONGEST = 200;
/** Letters that are compared with letters before the search is given up: a file can hold words without end. */
const MOST_COMPARISONS = 4e6;

/**
 * Edits (insert, delete, replace, swap of neighbours) from a to b. Damerau 1964; the variant without edits inside a
 * swap.
 */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let best = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      // before the first letter there is none, which is like no other
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2] + 1);
      row.push(best);
    }
    [before, above] = [above, row];
  }
  return above[b.length];
}

const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, '');

/**
 * The known word that a person most likely meant, or undefined when none is close: at most a third of its letters
 * differ. Of very long words, and of what comes after very many, nothing is said.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  const own = plain(word);
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  let comparisons = 0;
  for (const candidate of known) {
    comparisons += candidate.length;
    if (comparisons > MOST_COMPARISONS) return best;
    if (candidate.length > 2 * LONGEST) continue;
    const other = plain(candidate);
    if (Math.abs(own.length - other.length) >= fewest) continue;
    comparisons += own.length * other.length;
    const edits = distance(own, other);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}
