import { type AnswerTo, crossing, type Exchange, type FromWorker, type ToWorker } from './protocol.ts';

/** The worker's end of the wire. */
export interface Port<X extends Exchange> {
  postMessage(message: FromWorker<X>): void;
  onmessage: ((event: { readonly data: ToWorker<X> }) => void) | null;
}

/** Answers what comes in at a port. */
export function serve<X extends Exchange>(port: Port<X>,
  service: { answer(request: X['request'], tell: (progress: X['progress']) => void): Promise<AnswerTo<X>> }): void {
  port.onmessage = ({ data: { id, request } }) => {
    service.answer(request, (progress) => port.postMessage({ id, kind: 'progress', progress })).then(
      (answer) => port.postMessage({ id, kind: 'answer', answer }),
      (error: unknown) => port.postMessage({ id, kind: 'error', error: crossing(error) }),
    );
  };
}
