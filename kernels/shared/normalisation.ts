/** What pixels are normalised with on their way into a model. */
import { checkNumber, checkPositive } from './numbers.ts';

/** A number for each channel. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** (rgb − mean) / std, for channels in [0, 255]. */
export interface Normalisation {
  readonly mean: Rgb;
  readonly std: Rgb;
}

/** The same as parameters of a kernel. @throws FirstlightError FL_RANGE naming the channel whose number is none */
export function normalisationParams(op: string, { mean, std }: Normalisation): Readonly<Record<string, number>> {
  for (const [i, channel] of ['red', 'green', 'blue'].entries()) {
    checkNumber(op, `mean of ${channel}`, mean[i]);
    checkPositive(op, `std of ${channel}`, std[i]);
  }
  return { mean_r: mean[0], mean_g: mean[1], mean_b: mean[2], std_r: std[0], std_g: std[1], std_b: std[2] };
}
