import { writeFile } from 'node:fs/promises';
import { ConfigError, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { evaluateSystem, topShare } from '../protocols/evaluation.ts';
import { datasetOf } from '../run/fit.ts';
import { fileOf, listOf, namesOf, warn } from '../run/lists.ts';
import { Progress } from '../log/progress.ts';
import { modelFolderOf } from '../run/model_folder.ts';
import { openSystem } from '../run/system.ts';
import { accuracyLine, budgetOf } from './train.ts';

/** Measures a checkpoint on the list `data.val`. Returns the exit status. */
export async function evaluate(config: TrainConfig,
  { checkpoint: named, json }: { checkpoint: string; json?: string }): Promise<number> {
  const checkpoint = modelFolderOf(named);
  if (config.data.val === null) {
    throw new ConfigError('data.val', ['is missing'],
      'name the list of clips to evaluate on: --set data.val=lists/val.txt');
  }
  const list = fileOf(config, 'val');
  const names = namesOf(config);
  const { entries, warnings } = listOf(config, 'val', names);
  warn(warnings);
  await using dataset = datasetOf(config, { file: list, entries });
  await using gpu = await open({ budget: (kind) => budgetOf(config, kind), tuning: tuned });
  gpu.requireType(config.train.precision);
  const system = await openSystem(gpu, checkpoint, { system: config.model.system, precision: config.train.precision,
    frames: config.model.interpolateFrames ? config.data.frames : undefined });
  using model = system.model;
  const { imageSize } = model.config.vision;
  if (imageSize !== config.data.size || model.config.frames !== config.data.frames) {
    throw new ConfigError(checkpoint, [
      `takes ${model.config.frames} frames of ${imageSize} × ${imageSize} pixels, the configuration gives ${config.data.frames} of ${config.data.size}`,
    ],
      `--set data.frames=${model.config.frames} --set data.size=${imageSize}${
        imageSize === config.data.size ? ', or interpolate over frames: --set model.interpolateFrames=true' : ''
      }`);
  }
  const progress = new Progress();
  progress.start('evaluation', dataset.entries.length);
  const predictions = await evaluateSystem(gpu, system, dataset, names, progress, config.run.evaluationBatch);
  progress.stop();
  const [top1, top5] = [topShare(predictions, 1), topShare(predictions, 5)];
  console.log(accuracyLine(predictions.length, names.length, top1, top5));
  if (json !== undefined) {
    const clips = predictions.map(({ index, label, ranking }) => ({
      file: dataset.entries[index].path,
      label: names[label],
      predictions: ranking.slice(0, 5).map((guess) => ({ label: names[guess.label], probability: guess.probability })),
    }));
    await writeFile(json,
      `${
        JSON.stringify({ checkpoint, list, adapter: gpu.name, clips: clips.length, classes: names.length, top1, top5,
          predictions: clips }, null, 2)
      }\n`);
  }
  return 0;
}
