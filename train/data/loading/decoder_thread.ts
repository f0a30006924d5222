/** What a decoding thread does: one sample after another, as it is told. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { answerTo, type Job } from './answer.ts';
import { type CacheRoom, ClipCache } from './clip_cache.ts';

/** What a thread is started with. */
export interface Start {
  /** Where decoded clips are kept. */
  readonly room?: CacheRoom;
}

const port = parentPort as MessagePort;
const { room } = workerData as Start;
const cache = room && new ClipCache(room);

port.on('message', async (job: Job) => {
  const { answer, moved } = await answerTo(job, cache);
  port.postMessage(answer, moved);
});
