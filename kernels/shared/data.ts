/** Operands that are data: an operation gives them no gradient, and says so. */
import { type AnyTensor, FirstlightError, isRecording } from '../../engine/index.ts';

/** Throws if somebody waits for the gradient of an operand that gets none. */
export function refuseGradient(op: string, operands: Readonly<Record<string, AnyTensor>>): void {
  if (!isRecording()) return;
  for (const [name, { requiresGrad, shape }] of Object.entries(operands)) {
    if (requiresGrad) {
      throw new FirstlightError('FL_NO_GRADIENT',
        `${op}: ${name} [${shape}] requires a gradient, and gets none from this operation`, { op, operand: name },
        `pass ${name}.detach() if it is data`);
    }
  }
}
