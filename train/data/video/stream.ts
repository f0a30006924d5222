import { AV_NOPTS_VALUE } from 'node-av/constants';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { Census, take } from './census.ts';
import { type Opened, withVideo } from './demuxer.ts';
import { inspect } from './inspect.ts';
import { decodeAs, type PartOf } from './order.ts';
import { indices } from './picker.ts';

/** What is known of a file before it is decoded. */
export interface Timeline {
  /** Frames. */
  readonly total: number;
  /** When each of them is shown, in seconds from the first; undefined where the file does not tell. */
  readonly times: readonly number[] | undefined;
}

/** Takes frames of a file one after another, in the order of presentation. */
export interface FrameStream {
  /**
   * Says which frames are wanted. It may be asked a second time, where a file shows fewer frames than it seemed to:
   * then all frames come anew.
   */
  begin(timeline: Timeline): readonly number[];
  /** What is kept of each frame. */
  readonly partOf: PartOf;
  take(index: number, frame: I420Frame): void;
  /** Waited for before more is decoded; undefined: there is nothing to wait for. */
  ready(): Promise<void> | undefined;
}

/**
 * As `readParts`, but keeps no frame: so a video of any length takes little memory. It is decoded once, from its start
 * to its end. Errors come when they are met, after the frames before them.
 */
export async function streamParts(path: string, stream: FrameStream): Promise<void> {
  const file = inspect(path);
  return withVideo(file, {}, async (opened) => {
    using census = new Census(file);
    await take(census, file, opened);
    await decodeAs(file, opened, census, (total) => ({
      wanted: indices(() => stream.begin({ total, times: timesOf(opened, census, total) }), total),
      partOf: stream.partOf,
      keep: (place, frame) => stream.take(place, frame),
      ready: () => stream.ready(),
    }));
  });
}

/** The times that packets have, or else those of a constant rate, if the file states one. */
export function timesOf({ stream: { timeBase, avgFrameRate } }: Pick<Opened, 'stream'>,
  { times }: Pick<Census, 'times'>, total: number): number[] | undefined {
  if (times.length === total && !times.includes(AV_NOPTS_VALUE)) {
    const [first, ...others] = times.toSorted((a, b) => (a < b ? -1 : 1));
    return [0, ...others.map((time) => (Number(time - first) * timeBase.num) / timeBase.den)];
  }
  if (avgFrameRate.num <= 0 || avgFrameRate.den <= 0) return undefined;
  return Array.from({ length: total }, (_, i) => (i * avgFrameRate.den) / avgFrameRate.num);
}
