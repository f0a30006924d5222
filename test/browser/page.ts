/** What the test calls in the page: `await firstlight.train(true)`. Everything it gives back can be written as JSON. */
import { train } from './training.ts';

Object.assign(globalThis, { firstlight: { train } });
