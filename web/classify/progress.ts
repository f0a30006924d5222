/** Progress in words. */
import { size } from '../doctor/size.ts';
import { duration } from '../pages/duration.ts';
import type { ClassifyProgress, ClassifyStage } from './protocol.ts';

const STAGES: Readonly<Record<ClassifyStage, string>> = { open: 'Opening the checkpoint …',
  decode: 'Decoding the frames that the model looks at …', look: 'The model looks at them …',
  labels: 'Comparing with the labels …' };

/** What comes over the network, told with the time that is left. */
export class ProgressText {
  /** Of the file that comes. */
  #file: { readonly name: string; readonly since: number; readonly from: number } | undefined;

  /** The sentence for what is told; undefined of what needs none. @param now milliseconds of some clock */
  of(progress: ClassifyProgress, now: number): string | undefined {
    if (progress.kind === 'stage') return STAGES[progress.stage];
    if (progress.kind === 'loaded') return `Reading weights: ${size(progress.bytes)} of ${size(progress.of)}.`;
    if (progress.kind !== 'fetched') return undefined;
    const { file, bytes, of } = progress;
    if (this.#file?.name !== file) this.#file = { name: file, since: now, from: bytes };
    const { since, from } = this.#file;
    const left = bytes > from ? ((of - bytes) * (now - since)) / (bytes - from) / 1000 : undefined;
    return `Fetching ${file}: ${size(bytes)} of ${size(of)}${
      left === undefined || bytes === of ? '' : `, some ${duration(left)} left`
    }.`;
  }
}
