/** What no measurement can be: a row that says so counts work in its cost that no dispatch did. */
import { FirstlightError } from '../../engine/errors.ts';
import { digits, percent } from '../../train/log/table.ts';
import { minimumTimeOf, type Row, shareOf } from './row.ts';

/**
 * A copy's stores read the lines that they write, which nobody counts: three transfers for two. What writes where it
 * has read, or reads alone, moves up to half as many counted bytes again in the same time.
 */
const UNCOUNTED = 1.5;
/** By how much a machine is faster in one moment than in another, at most. */
const NOISE = 1.2;

/** What copies reached in a run. */
export interface Copies {
  /** Bytes a nanosecond of the fastest copy of any size: the best that caches do. */
  readonly fastest: number;
  /** Bytes that the copy of the roof moves, beyond the caches. */
  readonly bytes: number;
}

/** A rate that cannot be, and the most that could. */
interface Excess {
  readonly rate: string;
  readonly most: string;
}

/**
 * How a row exceeds what its machine can do. Arithmetic exceeds no roof. Bytes that lie in a cache may move faster than
 * those of the copy beside them, but no faster than the fastest copy; bytes that no cache holds, because the copy of
 * the roof moves fewer, not even that.
 */
function excessOf(row: Row, copies: Copies): Excess | undefined {
  const time = minimumTimeOf(row);
  const [gflops, gbps] = [row.flops / time, row.bytes / time];
  const mostGflops = NOISE * row.roofs.gflops;
  const mostGbps = NOISE * UNCOUNTED * (row.bytes < copies.bytes ? copies.fastest : row.roofs.gbps);
  if (!(gflops <= mostGflops)) return { rate: `${digits(gflops)} GFLOP/s`, most: `${digits(mostGflops)} GFLOP/s` };
  if (!(gbps <= mostGbps)) return { rate: `${digits(gbps)} GB/s`, most: `${digits(mostGbps)} GB/s` };
  return undefined;
}

/** The rows that exceed it. */
export const excessive = (rows: readonly Row[], copies: Copies): Row[] =>
  rows.filter((row) => excessOf(row, copies) !== undefined);

/** @throws {FirstlightError} that names each row whose share of the roof no cache explains */
export function refuseExcess(rows: readonly Row[], copies: Copies): void {
  const found = rows.flatMap((row) => {
    const excess = excessOf(row, copies);
    if (excess === undefined) return [];
    const title = `${row.room}, ${row.case}, ${row.variant}, ${row.direction} in ${row.type}`;
    const cost = `a cost of ${digits(row.bytes / 1e6)} MB and ${digits(row.flops / 1e6)} Mflop`;
    return [
      `${title}: ${
        percent(shareOf(row))
      } of the roof; ${cost} in the minimum time is ${excess.rate}, where no kernel can do more than ${excess.most}`,
    ];
  });
  if (found.length === 0) return;
  const folders = [...new Set(rows.map(({ room }) => room))].filter((room) =>
    found.some((line) => line.startsWith(`${room}, `))
  );
  const hint = `${folders.map((room) => `kernels/${room}/cost.ts`).join(', ')} may count what no dispatch moves`;
  throw new FirstlightError('FL_EXCESS', found.join('\n'), { rows: found.length }, hint);
}
