/** The lesson of the page that trains, as a module: what needs a vocabulary and a configuration is done here. */
import { architectureOf, configFor, type XclipConfig } from '../../model/systems/config.ts';
import { captioned } from '../../train/moving_shapes/clip_stage.ts';
import { PICTURES } from '../../train/moving_shapes/clip_step.ts';
import { BATCH, FULL, type Plan, SMOKE, videoConfig } from '../../train/moving_shapes/plan.ts';
import { CAPTIONS, CLASS_NAMES } from '../../train/moving_shapes/scenes.ts';
import { choicesOf, trainingPreprocessor } from '../../train/run/system.ts';
import type { Lesson, LessonPlan } from '../training/lesson.ts';

const NAME = 'virtual:lesson';
const RESOLVED = '\0virtual:lesson';
const SEED = 1;

/** Sizes, recipe and texts of *Moving shapes*. */
export async function makeLesson(): Promise<Lesson> {
  const { tokenizer, config: clip, captions } = await captioned(CAPTIONS);
  const { model, data, train, optim } = videoConfig('xclip', { steps: FULL.videoSteps, clip: 'stage 1',
    data: { train: 'drawn', labels: 'drawn' }, seed: SEED, precision: 'f32' });
  const xclip = configFor('xclip', { ...architectureOf(clip), frames: data.frames }, choicesOf(model)) as XclipConfig;
  const names = tokenizer.tokenize(CLASS_NAMES, clip.text.context);
  const rows = ({ ids, length }: typeof names) => ({ ids: Array.from(ids), length });
  return { clip, xclip, recipe: { train, optim, init: model.init },
    preprocessor: trainingPreprocessor(clip.vision.imageSize, false), captions: rows(captions), names: rows(names),
    words: tokenizer.files(clip.text.context), full: planOf(FULL, 100), short: planOf(SMOKE, 6) };
}

/** @param every steps from one measurement, and from one checkpoint, to the next */
function planOf({ sizes, clipSteps, videoSteps }: Plan, every: number): LessonPlan {
  return { seed: SEED, precision: 'f32', pictures: PICTURES, clips: BATCH, clipSteps, videoSteps,
    testClips: sizes.testSeen, measureEvery: every, saveEvery: every };
}

/** A plugin for Vite: `import { lesson } from 'virtual:lesson'`. */
export function lessonModule(lesson: Lesson) {
  return {
    name: 'firstlight-lesson',
    resolveId: (id: string): string | undefined => (id === NAME ? RESOLVED : undefined),
    load: (id: string): string | undefined =>
      id === RESOLVED ? `export const lesson = ${JSON.stringify(lesson)};\n` : undefined,
  };
}
