import { FirstlightError, type FloatType, type Gpu } from '../../engine/index.ts';
import { isObject } from '../../engine/json.ts';
import { shown } from '../../engine/shown.ts';
import { verifyBlending } from './blending.ts';
import type { CheckResult } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';
import { verifyModel } from './model.ts';
import { areBuilt, verifyNetworkOps } from './network_ops.ts';
import { verifyOps } from './ops.ts';
import { verifyAdamW } from './optimizer.ts';
import { verifySchedule } from './schedule.ts';
import { isBuilt, verifySystem } from './systems.ts';
import { verifyTemplates } from './templates.ts';

/** What a fixture is, by what its description holds. */
export type FixtureKind = 'hf' | 'official' | 'ops' | 'adamw' | 'schedule' | 'blending' | 'tokenizer' | 'templates'
  | 'network ops' | 'system' | 'not built';

/** Tells what a fixture is. One that is not known is an error: a check that is skipped in silence proves nothing. */
export function kindOf(file: FixtureFile): FixtureKind {
  const { json } = file;
  const reference = typeof json.reference === 'string' ? json.reference : '';
  const first: unknown = Array.isArray(json.cases) ? json.cases[0] : undefined;
  if (reference.startsWith('huggingface transformers XCLIPModel')) return 'hf';
  if (reference.startsWith('microsoft/VideoX X-CLIP')) return 'official';
  if (Array.isArray(json.ops)) return 'ops';
  if (reference.startsWith('CLIP SimpleTokenizer')) return 'tokenizer';
  if (reference.startsWith('timm CosineLRScheduler')) return 'schedule';
  if (reference.startsWith('VideoX datasets/blending.py')) return 'blending';
  if (isObject(first) && 'templates' in first && 'scale' in first) return 'templates';
  if (isObject(first) && 'betas' in first && 'lrs' in first) return 'adamw';
  if (areBuilt(file)) return 'network ops';
  if ('f32_vs_f64_max_rel' in json) return isBuilt(file) ? 'system' : 'not built';
  throw new FirstlightError('FL_FIXTURE',
    `${file.name}.json: unknown kind of fixture (reference: ${shown(reference) || 'none'})`, {},
    'this version checks hf_*, off_*, ops, adamw, cosine_lr, blending, tokenizer and op_prompt_ensemble fixtures');
}

/**
 * Runs every check of one fixture. A system that is not built yet gives no results.
 *
 * @param type how models and operations store their tensors; what has none, or is f32 always, runs as it is
 */
export async function verifyFixture(gpu: Gpu, file: FixtureFile, kind: FixtureKind,
  { type, vocabulary }: { type: FloatType; vocabulary?: string }): Promise<CheckResult[]> {
  switch (kind) {
    case 'hf':
    case 'official':
      return verifyModel(gpu, file, kind, type);
    case 'ops':
      return verifyOps(gpu, file, type);
    case 'adamw':
      return verifyAdamW(gpu, file);
    case 'schedule':
      return verifySchedule(file);
    case 'blending':
      return verifyBlending(gpu, file);
    case 'tokenizer': {
      const { verifyTokenizer } = await import('./tokenizer.ts'); // reads a folder: all others run in browsers, too
      return verifyTokenizer(file, vocabulary);
    }
    case 'templates':
      return verifyTemplates(gpu, file);
    case 'network ops':
      return verifyNetworkOps(gpu, file, type);
    case 'system':
      return verifySystem(gpu, file, type);
    case 'not built':
      return [];
  }
}
