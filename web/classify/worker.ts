/** The worker that classifies: while it reads and computes, the page answers. */
import { ClipTokenizer } from '../../model/tokenizer.ts';
import { late } from '../pages/late.ts';
import { type Port, serve } from '../worker/serve.ts';
import type { ClassifyExchange } from './protocol.ts';
import { ClassifyService } from './service.ts';
import { readClip } from './video/clip.ts';

const clipTokenizer = async () => {
  const { merges } = await late(() => import('virtual:clip_merges'));
  return ClipTokenizer.fromMerges(merges, "CLIP's list of merges");
};

serve(globalThis as unknown as Port<ClassifyExchange>, new ClassifyService({ readClip, clipTokenizer }));
