/**
 * A thread that decodes. JavaScript, because Node 20 hands no loader of TypeScript down to its threads: this one gets
 * its own.
 */
import { register } from 'tsx/esm/api';

register();
await import('./decoder_thread.ts');
