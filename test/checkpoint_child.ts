/** Saves one checkpoint after another until it is killed. */
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { snapshotAt } from './checkpoint_sample.ts';

const store = await CheckpointStore.open(process.argv[2]);
const first = ((await store.latest())?.state.step ?? 0) + 1;
process.stdout.write('saving\n');
for (let step = first;; step++) {
  await store.save(snapshotAt(step));
  process.stdout.write('saved\n');
}
