import { FirstlightError, type Gpu, Tensor } from '../../engine/index.ts';
import { cutMix, type Mix, mixUp, packMix } from '../recipe/blending.ts';
import { blend, blendTargets } from '../../kernels/blend/index.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

interface BlendCase {
  readonly case: number;
  readonly kind: string;
  readonly smoothing: number;
  readonly num_classes: number;
  readonly lam?: number;
  readonly lam_used?: number;
  readonly bbox_x1y1x2y2?: readonly [number, number, number, number];
  readonly perm: readonly number[];
}

/** Mixed clips and labels from the draws that the reference made. */
export async function verifyBlending(gpu: Gpu, file: FixtureFile): Promise<CheckResult[]> {
  const tensors = await file.tensors();
  const results: CheckResult[] = [];
  for (const item of file.json.cases as readonly BlendCase[]) {
    const comparison = new Comparison(file.name, `case ${item.case}, ${item.kind}`);
    const clips = tensors.get(`${item.case}.x`);
    const [height, width] = clips.shape.slice(-2);
    const drawn = mixOf(file.name, item, height, width);
    if (item.lam_used !== undefined) comparison.compare('lam', [drawn.keepLabel], [item.lam_used], 1e-6);
    const outputs = gpu.scope(() => {
      const x = Tensor.from(gpu, tensors.floats(`${item.case}.x`), clips.shape, 'x');
      const labels = Tensor.from(gpu, Uint32Array.from(tensors.integers(`${item.case}.labels`)));
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
    `${fixture}: case ${item.case} is neither mixup with lam nor cutmix with bbox: "${item.kind}"`);
}
