/** Two linear layers with an activation between. */
import { isRecording, record, type Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import { multiplyRows } from './launch.ts';
import { gradientOfInput, gradientsOfLayer, learns } from './linear.ts';
import { type Affine, checkedLayer, checkResidual } from './shapes.ts';

/**
 * y = activation(x·W₁ᵀ + b₁)·W₂ᵀ + b₂ + residual: the two linear layers of a transformer block, in two dispatches. The
 * derivative of the activation, kept by the forward pass, is multiplied in as dy·W₂ leaves the registers, so the way
 * back takes no pass of its own.
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
  const needsDerivative = isRecording() && (x.requiresGrad || expands);
  using derivative = needsDerivative ? x.like(hiddenShape, 'derivative of the activation') : undefined;
  const y = x.like(shape);
  const [first, second] = [{ rows, columns: width, inner }, { rows, columns, inner: width }];
  multiplyRows(x, expand.weight, hidden, { ...first, transposeB: true }, { bias: expand.bias, activation, derivative });
  multiplyRows(hidden, contract.weight, y, { ...second, transposeB: true }, { bias: contract.bias, residual });

  const saved = [
    ...(expands ? [x] : []),
    ...(x.requiresGrad ? [expand.weight] : []),
    ...(contracts ? [hidden] : []),
    ...(derivative === undefined ? [] : [derivative, contract.weight]),
  ];
  const extra = [expand.bias, contract.bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, expand.weight, contract.weight, ...extra], (dy, soFar) => {
    const ofContract = contracts ? gradientsOfLayer(contract, dy, hidden) : undefined;
    const dpre = derivative && derivative.like(hiddenShape, 'd hidden');
    const layout = { rows, columns: width, inner: columns };
    if (dpre !== undefined) multiplyRows(dy, contract.weight, dpre, layout, { factor: derivative });
    const ofExpand = expands && dpre !== undefined ? gradientsOfLayer(expand, dpre, x) : undefined;
    const dx = dpre && gradientOfInput(dpre, expand.weight, x, soFar);
    const ofBiases = [expand.bias && [ofExpand?.bias], contract.bias && [ofContract?.bias], residual && [dy]];
    return [dx, ofExpand?.matrix, ofContract?.matrix, ...ofBiases.flatMap((given) => given ?? [])];
  }, saved);
}
