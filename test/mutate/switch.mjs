/**
 * What a copy whose defects are behind switches asks: `$met` is called wherever one of them would be. A copy's
 * processes learn by their environment which defect is on, and leave there which they met.
 */
const system = globalThis.process; // pages of a browser have none, nor any defect
const on = Number(system?.env.FIRSTLIGHT_DEFECT ?? -1);
const file = system?.env.FIRSTLIGHT_MET;

/** Those met since they were taken last, one byte each. */
let seen = new Uint8Array(1 << 16);

/** Whether a defect is on. */
export const $met = file === undefined ? (number) => number === on : (number) => {
  seen[number] = 1;
  return false;
};

/** The numbers of those that this process has met since it was asked last. */
export function take() {
  const numbers = [];
  for (let number = seen.indexOf(1); number >= 0; number = seen.indexOf(1, number + 1)) numbers.push(number);
  seen = new Uint8Array(seen.length);
  return numbers;
}

if (file !== undefined) {
  const { appendFileSync } = system.getBuiltinModule('node:fs');
  system.on('exit', () => appendFileSync(file, `${JSON.stringify(take())}\n`));
}
