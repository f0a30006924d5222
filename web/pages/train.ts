/** The page that trains. */
import { TrainPanel } from '../training/panel.ts';
import type { TrainExchange } from '../training/protocol.ts';
import { Client } from '../worker/client.ts';
import { found } from './dom.ts';

found('.needs-script').remove();
const client = new Client<TrainExchange>(
  () => new Worker(new URL('../training/worker.ts', import.meta.url), { type: 'module', name: 'firstlight training' }),
);
void new TrainPanel(client).look();
