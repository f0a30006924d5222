/**
 * The sweep over all rooms but matmul, which has a process of its own: compiling its programs takes as long as all
 * others.
 */
import { rooms } from '../kernels/index.ts';
import { narrowingOf } from './narrow.ts';
import { sweepRooms } from './sweep_rooms.ts';

// `npm test -- --room softmax` sets ROOM, and what it is narrowed to
const narrowing = narrowingOf(process.env, rooms);
await sweepRooms(
  rooms.filter(({ name }) => (narrowing.room === undefined ? name !== 'matmul' : name === narrowing.room)),
  narrowing,
);
