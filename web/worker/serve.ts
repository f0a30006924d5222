import { crossing, type FromWorker, type ToWorker } from './protocol.ts';
import type { Service } from './service.ts';

/** The worker's end of the wire. */
export interface Port {
  postMessage(message: FromWorker): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
}

/** Answers what comes in at a port. */
export function serve(port: Port, service: Service): void {
  port.onmessage = ({ data: { id, request } }) => {
    service.answer(request, (progress) => port.postMessage({ id, kind: 'progress', progress })).then(
      (answer) => port.postMessage({ id, kind: 'answer', answer }),
      (error: unknown) => port.postMessage({ id, kind: 'error', error: crossing(error) }),
    );
  };
}
