/** The page that classifies. */
// an address, which Vite makes of it
// oxlint-disable-next-line import/default
import worker from '../classify/worker.ts?worker&url';
import { ClassifyPanel } from '../classify/panel.ts';
import type { ClassifyExchange } from '../classify/protocol.ts';
import { Client } from '../worker/client.ts';
import { found } from './dom.ts';

/** Seconds: a clip of a large model on a software adapter may take many. */
const SILENCE = 120;

/** A worker from a blob has the policy of its page: it reads from no other host than the page may. */
function makeWorker(): Worker {
  const address = new URL(worker, import.meta.url).href;
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], { type: 'text/javascript' }));
  return new Worker(blob, { type: 'module', name: 'firstlight classification' });
}

found('.needs-script').remove();
void new ClassifyPanel(new Client<ClassifyExchange>(makeWorker, SILENCE)).look();
