/** The sub-commands of `firstlight`. */
import { asking } from './asking.ts';
import type { Commands } from './command.ts';
import { measuring } from './measuring.ts';
import { tools } from './tools.ts';
import { training } from './training.ts';

/** In the order the help lists them. */
export const commands: Commands = { ...training, ...measuring, ...asking, ...tools };
