/** Two linear layers with an activation between. */
import { copy, isRecording, record, type Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import { gradientInPlace, multiplyRows } from './launch.ts';
import { gradientOfInput, gradientsOfLayer, learns } from './linear.ts';
import { type Affine, checkedLayer, checkResidual } from './shapes.ts';

/**
 * y = activation(x·W₁ᵀ + b₁)·W₂ᵀ + b₂ + residual: the two linear layers of a transformer block, in two dispatches. Of
 * what is hidden, the forward pass keeps what goes into the activation alone. The way back makes its derivative and its
 * result of that, as dy·W₂ leaves the registers, and puts its gradient in its place.
 *
 * @param x [..., K]  @param expand W₁ [H, K], b₁ [H]  @param contract W₂ [N, H], b₂ [N]
 * @param options.residual [..., N], the shape of the result
 * @returns [..., N]
 */
export function mlp(
  x: Tensor,
  expand: Affine,
  contract: Affine,
  { activation, residual }: { activation: Activation; residual?: Tensor },
): Tensor {
  const { rows, inner, columns: width } = checkedLayer('mlp', x, expand);
  const hiddenShape = [...x.shape.slice(0, -1), width];
  using hidden = x.like(hiddenShape, 'hidden');
  const { columns } = checkedLayer('mlp', hidden, contract);
  const shape = [...x.shape.slice(0, -1), columns];
  checkResidual('mlp', residual, shape);

  const expands = learns(expand);
  const contracts = learns(contract);
  const passes = x.requiresGrad || expands;
  using pre = isRecording() && passes ? x.like(hiddenShape, 'before the activation') : undefined;
  const y = x.like(shape);
  const first = { rows, columns: width, inner, transposeB: true, isBReadAgain: isRecording() && x.requiresGrad };
  multiplyRows(x, expand.weight, hidden, first, { bias: expand.bias, activation, pre });
  const second = { rows, columns, inner: width, transposeB: true, isBReadAgain: pre !== undefined };
  multiplyRows(hidden, contract.weight, y, second, { bias: contract.bias, residual });

  const saved = [
    ...(expands ? [x] : []),
    ...(x.requiresGrad ? [expand.weight] : []),
    ...(pre !== undefined ? [pre, contract.weight] : contracts ? [hidden] : []),
  ];
  const extra = [expand.bias, contract.bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, expand.weight, contract.weight, ...extra], (dy, soFar) => {
    const dpre = pre && (soFar.isLast ? pre : copied(pre));
    const again = dpre && gradientInPlace(dy, contract.weight, dpre, activation);
    const ofContract = contracts ? gradientsOfLayer(contract, dy, again ?? hidden) : undefined;
    const ofExpand = expands && dpre !== undefined ? gradientsOfLayer(expand, dpre, x) : undefined;
    const dx = dpre && gradientOfInput(dpre, expand.weight, x, soFar);
    const ofBiases = [expand.bias && [ofExpand?.bias], contract.bias && [ofContract?.bias], residual && [dy]];
    return [dx, ofExpand?.matrix, ofContract?.matrix, ...ofBiases.flatMap((given) => given ?? [])];
  }, saved);
}

/** A copy for a gradient that is made in place, where the graph goes through another backward pass. */
function copied(pre: Tensor): Tensor {
  const own = pre.like(pre.shape, 'd hidden');
  copy(pre, own);
  return own;
}
