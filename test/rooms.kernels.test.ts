/**
 * The sweep over all rooms but those with processes of their own: compiling the programs of either takes as long as all
 * others, and processes share the cores.
 */
import { rooms } from '../kernels/index.ts';
import { narrowingOf } from './narrow.ts';
import { sweepRooms } from './sweep_rooms.ts';

const APART = ['attention', 'matmul'];

// `npm test -- --room softmax` sets ROOM, and what it is narrowed to
const narrowing = narrowingOf(process.env, rooms);
await sweepRooms(
  rooms.filter(({ name }) => (narrowing.room === undefined ? !APART.includes(name) : name === narrowing.room)),
  narrowing,
);
