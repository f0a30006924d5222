/** A tiny checkpoint and a few videos, for what makes features and searches them. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gpu } from '../engine/index.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { PRESETS, type ModelConfig, type XclipConfig } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { createModel } from '../model/systems/index.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { clip } from './video_sample.ts';

export const home = mkdtempSync(join(tmpdir(), 'firstlight-features-'));
export const at = (...names: string[]) => join(home, ...names);

const { tiny } = PRESETS;
/** A width that is no multiple of 4, and few of everything. */
export const CONFIG: XclipConfig = { ...tiny, embedDim: 42, frames: 3, vision: { ...tiny.vision, layers: 1 },
  text: { ...tiny.text, width: 32, layers: 1, mlp: 64 }, mit: { ...tiny.mit, mlp: 84 },
  prompts: { ...tiny.prompts, heads: 3 } };

/** Writes a checkpoint whose weights are drawn; returns its folder. */
export async function writeCheckpoint(gpu: Gpu, name: string, seed: number,
  wanted: ModelConfig = CONFIG): Promise<string> {
  const { tokenizer } = (await clipTokenizer()).compact(NAMES);
  const config = 'text' in wanted ? { ...wanted, text: { ...wanted.text, vocab: tokenizer.vocabSize } } : wanted;
  using model = createModel(gpu, config);
  initialise(model, seed);
  await saveCheckpoint(at(name), { config, parameters: model.parameters(), tokenizer });
  return at(name);
}

/** Texts that its tokenizer knows. */
export const NAMES = ['a bright square', 'a person opens a door', 'two horses', 'nothing at all'];

/** Five videos that move differently, a file that is none among them, and a list with labels. */
export function writeVideos(name: string): { readonly folder: string; readonly list: string; readonly labels: string } {
  const folder = at(name);
  mkdirSync(join(folder, 'deep'), { recursive: true });
  const moving = clip(12);
  const clips: Readonly<Record<string, number>> = { 'a.mp4': 0, 'b.mkv': 1, 'deep/c d.mp4': 2, 'e.webm': 3,
    'f.avi': 1 };
  for (const [i, [file]] of Object.entries(clips).entries()) {
    writeVideo(join(folder, file), moving.slice(i, i + 4 + i));
  }
  writeFileSync(join(folder, 'broken.mp4'), 'not a video');
  writeFileSync(join(folder, 'list.txt'), Object.entries(clips).map((pair) => pair.join(' ')).join('\n'));
  writeFileSync(join(folder, 'labels.csv'), ['id,name', ...NAMES.map((text, i) => `${i},${text}`)].join('\n'));
  return { folder, list: join(folder, 'list.txt'), labels: join(folder, 'labels.csv') };
}
