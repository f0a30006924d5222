/** The worker that trains: while it computes, the page answers. */
import { lesson } from 'virtual:lesson';
import { type Port, serve } from '../worker/serve.ts';
import { aloneHere, BrowserShelf } from './kept.ts';
import type { TrainExchange } from './protocol.ts';
import { TrainService } from './service.ts';

serve(globalThis as unknown as Port<TrainExchange>, new TrainService(lesson, new BrowserShelf(), aloneHere));
