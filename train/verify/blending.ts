import { z } from 'zod';
import { FirstlightError, type Gpu, Tensor } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';
import { cutMix, type Mix, mixUp, packMix } from '../recipe/blending.ts';
import { blend, blendTargets } from '../../kernels/blend/index.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

const count = z.int().min(0);
/** As many classes as a fixture has: the targets that are compared take so many numbers for each clip. */
const MOST_CLASSES = 2 ** 16;
const blendCase = z.object({
  case: z.number(),
  kind: z.string(),
  smoothing: z.number(),
  num_classes: z.int().min(1).max(MOST_CLASSES),
  lam: z.number().optional(),
  lam_used: z.number().optional(),
  bbox_x1y1x2y2: z.tuple([count, count, count, count]).optional(),
  perm: z.array(count).refine((perm) => perm.every((place) => place < perm.length), 'a place beyond the batch'),
});
/** What the description must hold. */
export const schema = z.object({ cases: z.array(blendCase) });
type BlendCase = z.infer<typeof blendCase>;

/** Mixed clips and labels from the draws that the reference made. */
export async function verifyBlending(gpu: Gpu, file: FixtureFile): Promise<CheckResult[]> {
  const tensors = await file.tensors();
  const results: CheckResult[] = [];
  for (const item of file.described(schema).cases) {
    const comparison = new Comparison(file.name, `case ${item.case}, ${item.kind}`);
    const clips = tensors.get(`${item.case}.x`);
    const [height, width] = clips.shape.slice(-2);
    const ids = tensors.integers(`${item.case}.labels`);
    if ([clips.shape[0], ids.length].some((length) => length !== item.perm.length)
      || ids.some((label) => label < 0 || label >= item.num_classes)) {
      throw new FirstlightError('FL_FIXTURE',
        `${file.name}: case ${item.case}: clips, labels and perm are not of one batch of ${item.num_classes} classes`);
    }
    const drawn = mixOf(file.name, item, height, width);
    if (item.lam_used !== undefined) comparison.compare('lam', [drawn.keepLabel], [item.lam_used], 1e-6);
    const outputs = gpu.scope(() => {
      const x = Tensor.from(gpu, tensors.floats(`${item.case}.x`), clips.shape, 'x');
      const labels = Tensor.from(gpu, Uint32Array.from(ids));
      const [partner, mix] = [Tensor.from(gpu, drawn.partner), Tensor.from(gpu, packMix(drawn))];
      return [blend(x, partner, mix),
        blendTargets(labels, partner, mix, { classes: item.num_classes, smoothing: item.smoothing })];
    });
    const [mixed, targets] = await gpu.read(outputs);
    for (const tensor of outputs) tensor.dispose();
    comparison.compare('x_out', mixed, tensors.get(`${item.case}.x_out`).values, 2e-6);
    comparison.compare('target_out', targets, tensors.get(`${item.case}.target_out`).values, 1e-6);
    results.push(comparison.result());
  }
  return results;
}

function mixOf(fixture: string, item: BlendCase, height: number, width: number): Mix {
  if (item.kind === 'mixup' && item.lam !== undefined) return mixUp(item.perm, item.lam);
  if (item.kind === 'cutmix' && item.bbox_x1y1x2y2 !== undefined) {
    return cutMix(item.perm, item.bbox_x1y1x2y2, { height, width });
  }
  throw new FirstlightError('FL_FIXTURE',
    `${fixture}: case ${item.case} is neither mixup with lam nor cutmix with bbox: "${shown(item.kind)}"`);
}
