/** What the tests call in the page: `await firstlight.train(true)`. All that it gives back can be written as JSON. */
import { predict } from './prediction.ts';
import { train } from './training.ts';
import { verify } from './verifying.ts';

Object.assign(globalThis, { firstlight: { predict, train, verify } });
