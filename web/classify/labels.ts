/** Labels, typed one a line. */

/** Each line once, without what is around it; empty lines are none. */
export function labelsOf(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.trim()).filter((line) => line !== ''))];
}
