import { z } from 'zod';
import { FirstlightError, type Gpu, Tensor } from '../../engine/index.ts';
import { scale } from '../../kernels/elementwise/index.ts';
import { permute } from '../../kernels/rearrange/index.ts';
import { cosines } from '../../model/parts/heads.ts';
import { meanLogits } from '../protocols/candidates.ts';
import { rank } from '../protocols/ranking.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

/** What the description must hold. */
export const schema = z.object({ cases: z.array(z.object({
  case: z.string(),
  templates: z.int().min(1),
  /** What cosines are multiplied by. */
  scale: z.number().gt(0),
})) });

/** Cosines of at most 1 in f32, whose rounding the scale multiplies. */
const COSINE_TOLERANCE = 1e-6;

/** The three means over templates, from features of videos and of the texts of each template. */
export async function verifyTemplates(gpu: Gpu, file: FixtureFile): Promise<CheckResult[]> {
  const tensors = await file.tensors();
  const results: CheckResult[] = [];
  for (const item of file.described(schema).cases) {
    const comparison = new Comparison(file.name, `${item.case}, ${item.templates} templates`);
    const { shape: [videos, width] } = tensors.get(`${item.case}/in.video`);
    const { shape } = tensors.get(`${item.case}/in.text`);
    const [templates, classes] = shape;
    if (shape.length !== 3 || templates !== item.templates || shape[2] !== width) {
      throw new FirstlightError('FL_FIXTURE',
        `${file.name}: case ${item.case}: texts are [${shape}], expected [${item.templates}, classes, ${width}]`);
    }
    const outputs = gpu.scope(() => {
      const video = Tensor.from(gpu, tensors.floats(`${item.case}/in.video`), [videos, width]);
      const text = Tensor.from(gpu, tensors.floats(`${item.case}/in.text`), [templates, classes, width]);
      return [text.reshape([templates * classes, width]), permute(text, [1, 0, 2])].map((features) =>
        scale(cosines(video, features), item.scale)
      );
    });
    const [each, ofEmbeddings] = await gpu.read(outputs) as Float32Array[];
    for (const tensor of outputs) tensor.dispose();
    const probabilities = Array.from({ length: videos }, (_, row) => {
      const size = templates * classes;
      const ranking = rank(each.subarray(row * size, (row + 1) * size), templates);
      return ranking.sort((a, b) => a.label - b.label).map(({ probability }) => probability);
    });
    const tolerance = COSINE_TOLERANCE * item.scale;
    const want = (name: string) => tensors.floats(`${item.case}/${name}`);
    comparison.compare('per_template_logits', each, want('out.per_template_logits'), tolerance);
    comparison.compare('softmax', probabilities.flat(), want('out'), tolerance);
    comparison.compare('mean_logits', meanLogits(each, videos, templates), want('out.mean_logits'), tolerance);
    comparison.compare('mean_embedding_logits', ofEmbeddings, want('out.mean_embedding_logits'), tolerance);
    results.push(comparison.result());
  }
  return results;
}
