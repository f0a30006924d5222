/** The sweep over attention. */
import { rooms } from '../kernels/index.ts';
import { sweepRooms } from './sweep_rooms.ts';

await sweepRooms(rooms.filter(({ name }) => name === 'attention'));
