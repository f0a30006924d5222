/** Saves one checkpoint after another until it is killed, and tells of each as soon as it is saved. */
import { CheckpointStore } from '../../train/checkpoint/store.ts';
import { snapshotAt } from '../checkpoint_sample.ts';

const store = await CheckpointStore.open(process.argv[2]);
const first = ((await store.latest())?.state.step ?? 0) + 1;
process.stdout.write(`0\n`);
for (let step = first;; step++) {
  await store.save(snapshotAt(step));
  process.stdout.write(`${step}\n`);
}
