import { tableMovingShapes } from '../train/commands/table_moving_shapes.ts';
await tableMovingShapes({ seed: 1024, seeds: 1, out: '/tmp/tms/a', smoke: true, patient: false, json: false });
