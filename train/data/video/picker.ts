/** Given the number of frames, the indices wanted. */
export type Picker = (total: number) => readonly number[];

/** What a picker gave, if these are frames of the file. */
export function indices(pick: Picker, total: number): readonly number[] {
  const wanted = pick(total);
  const wrong = wanted.find((index) => !Number.isInteger(index) || index < 0 || index >= total);
  if (wrong !== undefined) {
    throw new RangeError(`readFrames: pick(${total}) gave ${wrong}, expected whole numbers in [0, ${total})`);
  }
  return wanted;
}
