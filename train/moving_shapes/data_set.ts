import { Progress } from '../log/progress.ts';
import type { StopRequest } from '../run/stop.ts';
import { type MovingShapesFolder, type MovingShapesSizes, writeMovingShapes } from './files.ts';

/** Writes *Moving shapes* into a folder, or finds it there, and shows how far it is. */
export async function prepareMovingShapes(folder: string, seed: number, sizes: MovingShapesSizes,
  stop: StopRequest): Promise<MovingShapesFolder> {
  const progress = new Progress();
  const total = Object.values(sizes).reduce((a, b) => a + b, 0);
  progress.start('data set', total);
  let isWaiting = false;
  try {
    const data = await writeMovingShapes(folder, seed, sizes, (done) => {
      progress.update(done, 0, {});
      stop.throwIfRequested('writing the data set');
    }, ({ message }) => {
      if (!isWaiting) progress.message(`data set: ${message}; waiting for it`);
      isWaiting = true;
      stop.throwIfRequested('writing the data set');
    });
    if (data.reused) progress.message(`data set: ${total} files are there already, ${folder}`);
    return data;
  } finally {
    progress.stop();
  }
}
