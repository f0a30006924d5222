/** One small kernel, run on this machine and checked, at once. */
import { browserAdvice } from '../../engine/browser_advice.ts';
import { element } from '../pages/dom.ts';
import { faultNote } from '../pages/fault.ts';
import type { Client } from '../worker/client.ts';
import type { FirstRun } from '../worker/protocol.ts';

/**
 * Shows in `host` what a kernel gave here, or why there is no kernel.
 *
 * @param onDone is told what came of it, or the error, on each try
 */
export async function showProof(client: Client, host: HTMLElement,
  onDone: (run: FirstRun | undefined, error?: unknown) => void = () => undefined): Promise<void> {
  host.replaceChildren(element('p', { className: 'hint' }, 'Asking this browser for an adapter …'));
  try {
    const run = await client.ask({ kind: 'first' });
    host.replaceChildren(...proofOf(run));
    onDone(run);
  } catch (error) {
    host.replaceChildren(faultNote(error, () => void showProof(client, host, onDone)));
    onDone(undefined, error);
  }
}

function proofOf({ adapter, kind, elements, error, isRight, milliseconds }: FirstRun): HTMLElement[] {
  const verdict = element('span', { className: `verdict ${isRight ? '' : 'missed'}`, 'data-checked': String(isRight) },
    isRight ? 'right' : 'wrong');
  return [
    element('p', { className: 'proof' }, verdict, element('b', {}, adapter),
      element('span', { className: 'hint' }, `${kind} adapter`)),
    element('p', {},
      `The kernel gelu ran here on ${elements.toLocaleString('en-US')} numbers: ${
        isRight ? 'all agree' : 'they do not agree'
      } with float64, and the worst is off by ${
        error.toExponential(1)
      }. From asking for the adapter to the checked result it took ${milliseconds.toFixed(0)} ms.`),
    ...(kind === 'software'
      ? [
        element('p', { className: 'hint' },
          `Here the processor does the work of a GPU: as right, and far slower. If this machine has a GPU: ${
            browserAdvice({ userAgent: navigator.userAgent, isSecureContext, hasGpu: true })
          }.`),
      ]
      : []),
  ];
}
