/** The recipe of a training: loads in Node and in browsers, and imports nothing of the other folders of train. */
export * from './optimizer/index.ts';
export * from './blending.ts';
export * from './contrastive.ts';
export * from './schedule.ts';
export * from './stage.ts';
export * from './step.ts';
export * from './step_reports.ts';
export * from './step_texts.ts';
