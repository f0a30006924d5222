import { FirstlightError, type Gpu, open, type Tensor } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { inputOf, type System, textFeatures } from '../../model/system.ts';
import { centreCrop, sampleForEvaluation } from '../data/views/sampling.ts';
import { readFrames } from '../data/video/decode.ts';
import { logitsOf, rank } from '../protocols/evaluation.ts';
import { openSystem } from '../run/system.ts';

export interface PredictOptions {
  readonly files: readonly string[];
  readonly labels: readonly string[];
  readonly checkpoint: string;
  /** Names printed for each file. */
  readonly top: number;
  readonly json?: boolean;
}

/** What is said of one file. */
interface Answer {
  readonly file: string;
  readonly predictions: readonly { readonly label: string; readonly probability: number }[];
}

/** Exit status when a file could not be read. */
const DATA_ERROR = 3;

/**
 * Ranks labels for each file. A file that cannot be read is reported, the others are still answered. Returns the exit
 * status.
 */
export async function predict({ files, labels, checkpoint, top, json }: PredictOptions): Promise<number> {
  await using gpu = await open({ tuning: tuned });
  const system = await openSystem(gpu, checkpoint);
  using _model = system.model;
  using features = textFeatures(gpu, system, labels);
  const answers: Answer[] = [];
  let failed = 0;
  for (const file of files) {
    try {
      const ranking = await rankLabels(gpu, system, features, file);
      const answer = { file,
        predictions: ranking.slice(0, top).map(({ label, probability }) => ({ label: labels[label], probability })) };
      answers.push(answer);
      if (json !== true) console.log(tableOf(answer));
    } catch (error) {
      if (!(error instanceof FirstlightError) || !/^FL_(VIDEO|PATH)/.test(error.code)) throw error;
      console.error(`firstlight: ${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`);
      failed++;
    }
  }
  if (json === true) console.log(JSON.stringify(answers, null, 2));
  return failed > 0 ? DATA_ERROR : 0;
}

async function rankLabels(gpu: Gpu, { model, preprocessor }: System, features: Tensor, file: string) {
  const { frames: count, vision } = model.config;
  const frames = await readFrames(file, (total) => sampleForEvaluation(total, count));
  const views = [{ crop: centreCrop(frames[0], vision.imageSize, preprocessor.shortSide), flip: false }];
  return rank(
    await logitsOf(gpu, model, { frames, views }, { features, input: inputOf(model, preprocessor),
      nameOf: () => file }),
  );
}

const BAR = 30;

function tableOf({ file, predictions }: Answer): string {
  const width = Math.max(...predictions.map(({ label }) => label.length));
  const lines = predictions.map(({ label, probability }) =>
    `  ${(100 * probability).toFixed(1).padStart(5)} %  ${label.padEnd(width)}  ${
      '█'.repeat(Math.round(BAR * probability))
    }`.trimEnd()
  );
  return [file, ...lines].join('\n');
}
